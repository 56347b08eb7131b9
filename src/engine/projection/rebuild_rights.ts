/** Says before a rebuild begins which rights it lacks, since it would notice the last of them after hours. Only reads. */
import type { Queryable } from "../postgres/sql.ts";
import { liveTables, type Projection } from "./define_projection.ts";
import { findOldTables } from "./old_tables.ts";

/**
 * What the user of this database may not do and a rebuild does, each as a statement that would allow it: it makes a schema
 * beside the live tables, moves its own into theirs and those into another, and drops what an earlier rebuild has kept. Empty
 * when all is allowed.
 */
export async function missingRebuildRights(
  sql: Queryable,
  { name, tables }: Pick<Projection, "name" | "tables">,
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
  const kept = await findOldTables(sql, name);
  const notOwned = kept === undefined ? [] : await sql<{ what: string }[]>`
    select 'schema ' || quote_ident(nspname) as what from pg_namespace
    where nspname = ${kept.schema} and not pg_has_role(nspowner, 'USAGE')
    union all
    select format('table %I.%I', nspname, relname)
    from pg_class join pg_namespace n on n.oid = relnamespace
    where nspname = ${kept.schema} and relkind = 'r' and not pg_has_role(relowner, 'USAGE')
  `;
  return [
    ...row.inDatabase ? [] : [`grant create on database ${who.database} to ${who.name}`],
    ...row.inSchema ? [] : [`grant create, usage on schema ${who.schema} to ${who.name}`],
    ...row.owned
      ? []
      : tables.map(({ name }) => `alter table ${liveTables(name)} owner to ${who.name}`),
    ...notOwned.map(({ what }) => `alter ${what} owner to ${who.name}`),
  ];
}
