/** Which of the grants that a role file lists a user of Postgres has. Only reads. */
import type { Queryable } from "../../engine/postgres/sql.ts";

/** One privilege on one thing, as `has_*_privilege` takes it. */
export interface SqlGrant {
  readonly privilege: string;
  readonly kind: "table" | "sequence" | "schema";
  readonly name: string;
}

/** The grants of `src/app/roles/<role>.sql`. */
export async function grantsIn(role: "serve" | "worker"): Promise<readonly SqlGrant[]> {
  const file = new URL(`../../app/roles/${role}.sql`, import.meta.url);
  return parseGrants(await Deno.readTextFile(file));
}

const kinds: Readonly<Record<string, SqlGrant["kind"]>> = {
  sequence: "sequence",
  schema: "schema",
};

/** Of statements such as `grant select, insert on a, b to somebody`. */
export function parseGrants(text: string): readonly SqlGrant[] {
  const statements = text.replaceAll(/--.*$/gm, "").matchAll(
    /grant ([a-z, ]+) on (sequence |schema )?([a-z_,\s]+?) to \w+/g,
  );
  return [...statements].flatMap(([, privileges = "", word = "", names = ""]) => {
    const kind = kinds[word.trim()] ?? "table";
    return listed(names).flatMap((name) =>
      listed(privileges).map((privilege) => ({ privilege, kind, name }))
    );
  });
}

function listed(text: string): string[] {
  return text.split(",").map((word) => word.trim()).filter((word) => word !== "");
}

/**
 * `SELECT on orders` of each that the present user has not; undefined where none of the tables and sequences is in its
 * search_path. What alone is not made yet counts as granted.
 */
export async function missingGrants(
  sql: Queryable,
  grants: readonly SqlGrant[],
): Promise<readonly string[] | undefined> {
  const names = grants.filter(({ kind }) => kind !== "schema").map(({ name }) => name);
  const [found] = await sql<{ there: boolean }[]>`
    select exists (
      select from json_array_elements_text(${JSON.stringify(names)}::text::json) as wanted (name)
      where to_regclass(name) is not null
    ) as there
  `;
  if (!found?.there) return undefined;
  const rows = await sql<{ privilege: string; name: string }[]>`
    select privilege, name
    from json_to_recordset(${JSON.stringify(grants)}::text::json)
      as wanted (privilege text, kind text, name text)
    where not case kind
      when 'schema' then coalesce(has_schema_privilege(to_regnamespace(name), privilege), true)
      when 'sequence' then coalesce(has_sequence_privilege(to_regclass(name), privilege), true)
      else coalesce(has_table_privilege(to_regclass(name), privilege), true)
    end
  `;
  return rows.map(({ privilege, name }) => `${privilege.toUpperCase()} on ${name}`);
}
