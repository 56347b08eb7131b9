/** Finds a name that an object of a JSON text has twice, of which parsers keep one and say nothing (RFC 8259, section 4). */

const token = /"(?:[^"\\]|\\.)*"|[{}[\]:,]/gs;

/**
 * The first such name; undefined where there is none. Two spellings of one name (`"a"`, `"\u0061"`) are the same. The text
 * must be valid JSON.
 */
export function duplicateName(json: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  let last = "";
  for (const [word] of json.matchAll(token)) {
    if (word === "{") open.push(new Set());
    else if (word === "[") open.push(undefined);
    else if (word === "}" || word === "]") open.pop();
    else if (word === ":") {
      const name: string = JSON.parse(last);
      const names = open.at(-1);
      if (names?.has(name)) return name;
      names?.add(name);
    }
    last = word;
  }
}
