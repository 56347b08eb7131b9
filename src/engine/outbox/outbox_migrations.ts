/** The outbox's migrations as one list, each behind those that it needs. */
import { appendMigrations } from "./append_migrations.ts";
import { cloudEventMigrations } from "./cloud_event_migrations.ts";
import { leadMigrations } from "./lead_migrations.ts";
import { outboxMigrations } from "./migrations.ts";
import { relayMigrations } from "./relay_migrations.ts";
import { tombstoneMigrations } from "./tombstone_migrations.ts";
import { topicsMigrations } from "./topics_migrations.ts";
import type { Migration } from "../postgres/migrate.ts";

/** Table, cursor, append, leases, topics, room for CloudEvents, and tombstones. */
export const allOutboxMigrations: readonly Migration[] = [
  ...outboxMigrations,
  ...relayMigrations,
  ...appendMigrations,
  ...leadMigrations,
  ...topicsMigrations,
  ...cloudEventMigrations,
  ...tombstoneMigrations,
];

/**
 * What an outbox in a schema of its own has beside them: whoever appends has a `search_path` of his own, and the function finds
 * its tables all the same. It comes behind every migration that replaces the function, which would take the setting away; one
 * that does so later brings the same step under another number. Where `search_path` finds the function it finds the tables,
 * too: there a setting that is changed for each call would only cost time.
 */
const ownSchemaMigrations: readonly Migration[] = ["0001", "0002", "0003"].map((number) => ({
  name: `outbox_own_schema_${number}`,
  sql: `
alter function outbox_append(int, text, text, bytea, jsonb, uuid, text) set search_path from current;
`,
}));

/** Those of an outbox in this schema. */
export function outboxMigrationsIn(schema: string | undefined): readonly Migration[] {
  return schema === undefined
    ? allOutboxMigrations
    : [...allOutboxMigrations, ...ownSchemaMigrations];
}
