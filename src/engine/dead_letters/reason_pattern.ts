/** Takes out of an error's text what differs from record to record, so that one cause has one text. Pure. */

/** Longer texts are cut first: other systems put whole stack traces there. */
const charactersRead = 1_000;
const charactersMax = 200;
/** Words that say that a name follows, which is part of the cause: `column "tax"`, `(reading 'id')`, `"path": ["id"`. */
const namedBy = "reading|setting|field|property|column|relation|table|constraint|index|type|" +
  "code|path|expected|header|topic|parameter|argument|method|attribute|variable";
const names = new RegExp(
  `\\b(${namedBy})("?[\\s:=[(]{0,4})(["'\`])([\\p{L}_$][\\p{L}\\d_$.-]{0,60})\\3`,
  "giu",
);
/** What JSON.parse quotes of its text may hold quotes itself. */
const unparsed = /\bUnexpected token .*? is not valid JSON/su;
const quoted = /"[^"]*(?:"|$)|`[^`]*(?:`|$)|(?<![\p{L}\p{N}])'[^']*'(?![\p{L}\p{N}])/gu;
const status = /\b(HTTP(?:\/[\d.]+)?|status(?: code)?)[ :=]{1,3}([1-5]\d\d)\b/giu;
const words = /[\p{L}\p{N}_@$%+.:/-]+/gu;

/**
 * The text with `…` for what is quoted and `#` for each word with a digit in it (numbers, ids, times, addresses), for each
 * mail address and for each word of more than 40 characters. Names that belong to the cause stay: those after words such as
 * `column` or `field`, and the status of an HTTP answer.
 */
export function reasonPattern(error: string): string {
  const kept: string[] = [];
  const keep = (text: string) => `\u0000${kept.push(text) - 1}\u0000`;
  return error.slice(0, charactersRead).replaceAll("\u0000", "")
    .replace(unparsed, "Unexpected token … is not valid JSON")
    .replace(names, (_, word, between, _quote, name) => `${word}${between}${keep(name)}`)
    .replace(quoted, (text) => `${text[0]}…${text[0]}`)
    .replace(status, (_, word, code) => keep(`${word} ${code}`))
    .split("\u0000")
    .map((part, index) => index % 2 === 1 ? kept[Number(part)] : part.replace(words, wordPattern))
    .join("")
    .replace(/#(?:[\s,;]+#)+/gu, "#")
    .replace(/\s+/gu, " ")
    .trim()
    .slice(0, charactersMax);
}

function wordPattern(word: string): string {
  if (!/[\p{N}@]/u.test(word) && word.length <= 40) return word;
  return `#${/[.:]*$/.exec(word)?.[0]}`;
}
