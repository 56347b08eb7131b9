/** What `--json` promises of every command: one JSON document on stdout, nothing else, and fields in snake_case. */
import { assertEquals } from "./assert.ts";

/** The document, held against that. @throws where stdout holds anything else, or a field is named otherwise */
export function documentIn(stdout: string): unknown {
  let document: unknown;
  try {
    document = JSON.parse(stdout);
  } catch (cause) {
    throw new Error(`stdout is not one JSON document: ${JSON.stringify(stdout)}`, { cause });
  }
  assertEquals(otherwiseNamed(document), []);
  return document;
}

/** Names of fields that are not in snake_case, at any depth. What stands in a name's place has no capitals, or blanks in it. */
function otherwiseNamed(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  const names = Array.isArray(value) ? [] : Object.keys(value);
  return [
    ...names.filter((name) => /^\S*[a-z0-9][A-Z]\S*$/.test(name)),
    ...Object.values(value).flatMap(otherwiseNamed),
  ];
}
