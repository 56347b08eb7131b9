/** The topics that the relay has written to, which only the rows name. */
import type { Migration } from "../postgres/migrate.ts";

/**
 * Noted before the first record is written to a topic: the rows that named it may be deleted later, and there may be millions
 * of them. Nothing is noted of the rows that are there already: whoever takes over looks in all topics, and notes what it
 * writes to.
 */
export const topicsMigrations: readonly Migration[] = [{
  name: "outbox_0006_written_topics",
  // There where a version between two releases has made it, which read the whole outbox for it.
  sql: `
create table if not exists outbox_topics (
  topic text primary key,
  noted_at timestamptz not null default clock_timestamp()
);
`,
}];
