/** The name of a schema of one's own, and how it becomes part of SQL. Makes no schema. */

/**
 * Refuses what would have to be quoted to be the same everywhere: in statements, in `search_path`, in what a person types.
 *
 * @throws {TypeError} saying what may be
 */
export function checkSchemaName(schema: string): void {
  if (/^[a-z_][a-z0-9_]{0,62}$/.test(schema) && !schema.startsWith("pg_")) return;
  throw new TypeError(
    `Cannot use the schema ${
      JSON.stringify(schema)
    }: use at most 63 lower-case letters, digits and _, with no digit or ` +
      `pg_ at the start`,
  );
}

/** `"shipping".` before a name, or nothing where `search_path` shall find it. */
export function inSchema(schema: string | undefined): string {
  return schema === undefined ? "" : `"${schema}".`;
}

/** The value of `search_path` under which a schema alone is seen; temporary tables last, so that none can stand in for ours. */
export function searchPath(schema: string): string {
  return `"${schema}", pg_temp`;
}
