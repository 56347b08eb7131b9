/** Makes text fit a terminal of 100 columns: cut with an ellipsis where a line says much, or broken into lines. Pure. */

/** What every line of `dlq` fits. */
export const columns = 100;

/** Letters that take two columns: those of East Asia, and pictures. */
const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const wideOrNone = /[\u1100-\u{10ffff}]|\p{M}/u;

/** How many columns a text takes, near enough: marks none, letters of East Asia two. */
export function columnsOf(text: string): number {
  if (!wideOrNone.test(text)) return text.length;
  let sum = 0;
  for (const letter of text) sum += columnsOfLetter(letter);
  return sum;
}

function columnsOfLetter(letter: string): number {
  if (letter < "\u0300") return 1;
  return /\p{M}/u.test(letter) ? 0 : wide.test(letter) ? 2 : 1;
}

/** The text, or as much of it as fits with an ellipsis behind it. */
export function cutTo(text: string, columnsMax: number): string {
  // What is far too long is not looked at as a whole.
  const looked = text.slice(0, 8 * columnsMax);
  if (looked.length === text.length && columnsOf(text) <= columnsMax) return text;
  let kept = "";
  let left = columnsMax - 1;
  for (const letter of looked) {
    left -= columnsOfLetter(letter);
    if (left < 0) break;
    kept += letter;
  }
  return `${kept}…`;
}

/** The lines of a text, those that are too long broken: between words where there are any. */
export function wrapped(text: string, indent = "", columnsMax = columns): string {
  return text.split("\n").flatMap((line) => broken(line, indent, columnsMax)).join("\n");
}

function broken(line: string, indent: string, columnsMax: number): string[] {
  if (columnsOf(line) <= columnsMax) return [line];
  const lines: string[] = [];
  let now = "";
  let taken = 0;
  // Where the last word of the line begins.
  let word = 0;
  for (const letter of line) {
    const more = columnsOfLetter(letter);
    if (taken + more > columnsMax && letter !== " ") {
      // A word that has no room in the next line either is broken where it stands.
      const fits = columnsOf(indent + now.slice(word)) + more <= columnsMax;
      const at = word > 0 && fits ? word : now.length;
      lines.push(now.slice(0, at).trimEnd());
      now = indent + now.slice(at);
      taken = columnsOf(now);
      word = 0;
    }
    now += letter;
    taken += more;
    if (letter === " " && now.trim() !== "") word = now.length;
  }
  return [...lines, now.trimEnd()];
}
