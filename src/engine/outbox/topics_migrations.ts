/** The topics that the relay has written to, which only the rows name. */
import type { Migration } from "../postgres/migrate.ts";

/**
 * Noted before the first record is written to a topic. Whoever takes over looks there for what the last transaction may have
 * left open; the rows that named the topic may be deleted by then, and there may be millions of them.
 */
export const topicsMigrations: readonly Migration[] = [{
  name: "outbox_0006_topics",
  sql: `
create table outbox_topics (
  topic text primary key,
  noted_at timestamptz not null default clock_timestamp()
);
insert into outbox_topics (topic) select distinct topic from outbox;
`,
}];
