/** Asks whether the user of this connection may still place an order, for readiness. It places none. */
import type { Queryable } from "../../engine/postgres/sql.ts";

/** What placing an order does, and to what. Of rights on some columns those that there are are enough to ask for. */
const needed = [
  ["orders", "SELECT"],
  ["orders", "INSERT"],
  ["outbox", "INSERT"],
  ["idempotency_keys", "SELECT"],
  ["idempotency_keys", "INSERT"],
] as const;

/** The rights that are lacking, and where the grants stand; undefined where none is. */
export async function whyMayNotPlace(sql: Queryable): Promise<string | undefined> {
  const asked = JSON.stringify(needed.map(([name, right]) => ({ name, right })));
  const lacking = await sql<{ name: string; right: string }[]>`
    select name, "right"
    from jsonb_to_recordset(${asked}::text::jsonb) as needed (name text, "right" text)
    where not has_any_column_privilege(name, "right")
  `;
  const listed = lacking.map(({ name, right }) => `${right} on ${name}`);
  const isDrawn = await sql`select where has_sequence_privilege('outbox_position', 'USAGE')`;
  if (isDrawn.length === 0) listed.push("USAGE on sequence outbox_position");
  if (listed.length === 0) return undefined;
  return `No order is taken: the user of DATABASE_URL lacks ${listed.join(", ")} ` +
    '(src/rights.md, "Rights in Postgres"); the owner of the schema grants it with src/app/roles/serve.sql';
}
