/** Migrations as SQL that a person can read, run and run again. Connects to nothing. */
import { makeSchema, type Migration, oneAtATime, recordTable, stepsOf } from "./migrate.ts";
import { searchPath } from "./schema_name.ts";

/** Where they go, and what comes after them. */
export interface ScriptOptions {
  /** The schema, made where it is missing; where `search_path` points to where absent. */
  readonly schema?: string;
  /** Statements behind the migrations, each of which may run again. */
  readonly then?: string;
}

/**
 * The statements of one transaction that apply what is not recorded yet, and record it: the same as
 * `migrate` does, and each takes what the other has done for done.
 */
export function migrationScript(
  migrations: readonly Migration[],
  { schema, then = "" }: ScriptOptions = {},
): string {
  const place = schema === undefined ? [] : [
    `${makeSchema(schema)};`,
    `set local search_path to ${searchPath(schema)};`,
  ];
  const steps = stepsOf(migrations).map(({ name, checksum, sql }) => `
do $onceflow_step$
begin
  if not exists (select from onceflow_migrations where name = '${name}') then
    execute $onceflow_sql$${sql}$onceflow_sql$;
    insert into onceflow_migrations (name, checksum) values ('${name}', '${checksum}');
  end if;
end
$onceflow_step$;
`);
  return [
    ...["set local lock_timeout = '60s';", "set local statement_timeout = 0;", `${oneAtATime};`],
    ...place,
    `${recordTable};`,
    ...steps,
    then,
  ].join("\n");
}
