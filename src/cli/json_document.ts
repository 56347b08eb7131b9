/** The text of a command's JSON document, for programs. It prints nothing. */

/** Fields are in snake_case in every command's document, whatever they are called inside. */
export function jsonDocument(document: unknown): string {
  return JSON.stringify(document, (_name, value) => isFields(value) ? renamed(value) : value, 2);
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function renamed(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [inSnakeCase(name), value]),
  );
}

/** Only names of ours: a topic or a key that stands in the place of a name has other letters, or stays a word. */
function inSnakeCase(name: string): string {
  if (!/^[a-z][a-z0-9]*(?:[A-Z][a-z0-9]*)+$/.test(name)) return name;
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
