/** Says before a rebuild begins which rights it lacks, since it would notice the last of them after hours. Only reads. */
import type { Queryable } from "../postgres/sql.ts";
import { liveTables, type Projection } from "./define_projection.ts";

/**
 * What the user of this database may not do and a rebuild does, each as a statement that would allow it: it makes a schema
 * beside the live tables, moves its own into theirs, and drops them. Empty when all is allowed.
 */
export async function missingRebuildRights(
  sql: Queryable,
  { tables }: Pick<Projection, "tables">,
): Promise<readonly string[]> {
  const names = JSON.stringify(tables.map(({ name }) => liveTables(name)));
  const [row] = await sql<{ inDatabase: boolean; inSchema: boolean; owned: boolean }[]>`
    select has_database_privilege(current_database(), 'CREATE') as "inDatabase",
      coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) as "inSchema",
      not exists (
        select from json_array_elements_text(${names}::text::json) as listed (name)
        join pg_class on pg_class.oid = to_regclass(quote_ident(name))
        where not pg_has_role(relowner, 'USAGE')
      ) as owned
  `;
  const [who] = await sql<{ name: string; database: string; schema: string }[]>`
    select quote_ident(current_user) as name, quote_ident(current_database()) as database,
      quote_ident(coalesce(current_schema(), 'public')) as schema
  `;
  if (row === undefined || who === undefined) throw new Error("Postgres answered without a row");
  return [
    ...row.inDatabase ? [] : [`grant create on database ${who.database} to ${who.name}`],
    ...row.inSchema ? [] : [`grant create, usage on schema ${who.schema} to ${who.name}`],
    ...row.owned
      ? []
      : tables.map(({ name }) => `alter table ${liveTables(name)} owner to ${who.name}`),
  ];
}
