/** Looks early at what the swap will find on the live tables, while the rebuild can still do something about it. */
import { translateError } from "../postgres/translate_error.ts";
import type { Sql } from "../postgres/sql.ts";
import { lossError } from "./additions.ts";
import { type ProjectionEvent, quoteName } from "./define_projection.ts";
import { additionsInTransaction, liveSchemaInTransaction } from "./exchange_tables.ts";
import type { Staging } from "./staging.ts";
import { originInTransaction } from "./swap_staging.ts";

/** Refuses before an hour of work what the swap would refuse after it. Throws a HaltError that lists it. */
export async function refuseLosses(sql: Sql, staging: Staging<ProjectionEvent>): Promise<void> {
  const { lost } = await additionsNow(sql, staging);
  if (lost.length > 0) {
    throw lossError(staging.target.projection.name, lost.map(({ title }) => title));
  }
}

/** Makes the indexes that others have added to the live tables, before the swap, which readers wait for. */
export async function copyIndexes(sql: Sql, staging: Staging<ProjectionEvent>): Promise<void> {
  const { kept, schema } = await additionsNow(sql, staging);
  for (const { kind, title, table, statement } of kept) {
    if (kind !== "index" || statement === null) continue;
    const [name] = await sql`select format('%I.%I', ${schema}::text, ${table}::text) as live`;
    const there = ` ON ${quoteName(`${staging.schema}.${table}`)} `;
    const staged = statement.replace(` ON ${name?.live} `, there)
      .replace(/^(CREATE (?:UNIQUE )?INDEX )/, "$1if not exists ");
    try {
      await sql.unsafe(staged);
    } catch (error) {
      const translated = translateError(error);
      if (translated !== error || !(error instanceof Error)) throw error;
      throw lossError(staging.target.projection.name, [`${title} (${error.message})`]);
    }
  }
}

async function additionsNow(sql: Sql, staging: Staging<ProjectionEvent>) {
  const { projection } = staging.target;
  return await sql.begin(async (tx) => {
    await tx`select set_config('statement_timeout', '0', true)`;
    const [installed] = await tx`select tables from projections where name = ${projection.name}`;
    const old: readonly string[] = installed?.tables ?? [];
    const stay = projection.tables.map(({ name }) => name).filter((name) => old.includes(name));
    const schema = await liveSchemaInTransaction(tx, stay);
    const origin = await originInTransaction(tx, staging);
    return { schema, ...await additionsInTransaction(tx, schema, stay, origin) };
  });
}
