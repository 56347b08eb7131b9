/** Makes a projection's live tables on first use. It never changes tables that are there: that is what a rebuild does. */
import type { Queryable, Sql } from "../postgres/sql.ts";
import { translatingErrors } from "../postgres/translate_error.ts";
import { liveTables, type Projection, quoteName } from "./define_projection.ts";
import { findMade, noteAgainInTransaction, noteLiveInTransaction } from "./made_of.ts";

/** What was found: `stale` when the live tables hold another version than this program's. */
export type Installation =
  | { readonly kind: "created" }
  | { readonly kind: "present" }
  | { readonly kind: "stale"; readonly version: number };

/** The version of the live tables; undefined where there are none. Call it after the migrations. */
export async function findInstalled(sql: Queryable, name: string): Promise<number | undefined> {
  const [row] = await translatingErrors(() =>
    sql<{ version: number }[]>`select version from projections where name = ${name}`
  );
  return row?.version;
}

/**
 * Makes the tables of a projection unless they are there. Safe to call from every process at once, after the
 * migrations. A stale installation is no error here, because an HTTP server may go on reading the old tables while
 * they are rebuilt; the projector is what refuses to go on.
 */
export async function installProjection(
  sql: Sql,
  projection: Pick<Projection, "name" | "version" | "tables">,
): Promise<Installation> {
  return await sql.begin(async (tx): Promise<Installation> => {
    // `create table if not exists` can still collide with itself in another session; this lock cannot.
    await tx`select pg_advisory_xact_lock(hashtextextended(${`projection:${projection.name}`}, 0))`;
    const version = await findInstalled(tx, projection.name);
    if (version !== undefined) {
      if (version !== projection.version) return { kind: "stale", version };
      if (await findMade(tx, projection.name) === undefined) {
        await noteAgainInTransaction(tx, projection);
      }
      return { kind: "present" };
    }
    for (const table of projection.tables) {
      await tx.unsafe(table.ddl(quoteName(liveTables(table.name))));
    }
    const names = JSON.stringify(projection.tables.map((table) => table.name));
    await tx`
      insert into projections (name, version, tables)
      select ${projection.name}, ${projection.version}, array_agg(name)
      from json_array_elements_text(${names}::text::json) as listed (name)
    `;
    await noteLiveInTransaction(tx, projection);
    return { kind: "created" };
  });
}

/** The same as SQL, for a transaction that sees the schema. Whoever starts the projector first notes what they were made of. */
export function installationScript(
  { name, version, tables }: Pick<Projection, "name" | "version" | "tables">,
): string {
  const made = tables.map((table) => `${table.ddl(quoteName(liveTables(table.name))).trim()};`);
  const names = tables.map((table) => `'${table.name}'`).join(", ");
  return `
select pg_advisory_xact_lock(hashtextextended('projection:${name}', 0));
do $onceflow_install$
declare live int := (select version from projections where name = '${name}');
begin
  if live is null then
    execute $onceflow_tables$
${made.join("\n")}
$onceflow_tables$;
    insert into projections (name, version, tables) values ('${name}', ${version}, array[${names}]);
  elsif live <> ${version} then
    raise warning 'the tables of ${name} hold version %: a rebuild makes version ${version} of them', live;
  end if;
end
$onceflow_install$;
`;
}
