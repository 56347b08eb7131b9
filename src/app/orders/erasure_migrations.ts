/** The list of erased orders: which they are, and what stands in the place of their customer. It never says who that was. */
import type { Migration } from "../../engine/postgres/migrate.ts";

/** The list is asked by every fold of the read model: what the log still says of a customer does not come back by it. */
export const erasureMigrations: readonly Migration[] = [{
  name: "orders_0005_erased",
  sql: `
create table erased_orders (
  order_id text collate "C" primary key,
  pseudonym text collate "C" not null check (pseudonym ~ '^erased-[0-9a-f-]{36}$'),
  erased_at timestamptz not null default clock_timestamp()
);
`,
}];
