/** The table of leases: which process relays a shard, and until when. */
import type { Migration } from "../postgres/migrate.ts";

/**
 * `pid` and `backend_start` name the holder's session of this server: when that has ended the holder has, too, and nobody
 * need wait for `held_until`. A session that has another start than the one that was noted is another one's.
 */
export const leadMigrations: readonly Migration[] = [{
  name: "outbox_0005_leads",
  sql: `
create table outbox_leads (
  shard smallint primary key check (shard between 0 and 63),
  owner uuid not null,
  name text not null,
  pid int not null,
  backend_start timestamptz not null,
  taken_at timestamptz not null,
  held_until timestamptz not null
);
`,
}];
