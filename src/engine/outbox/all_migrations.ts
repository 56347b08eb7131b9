/** The outbox's migrations as one list, each behind those that it needs. */
import { appendMigrations } from "./append_migrations.ts";
import { leadMigrations } from "./lead_migrations.ts";
import { outboxMigrations } from "./migrations.ts";
import { relayMigrations } from "./relay_migrations.ts";
import { topicsMigrations } from "./topics_migrations.ts";
import type { Migration } from "../postgres/migrate.ts";

/** Table, cursor, append, leases and topics. */
export const allOutboxMigrations: readonly Migration[] = [
  ...outboxMigrations,
  ...relayMigrations,
  ...appendMigrations,
  ...leadMigrations,
  ...topicsMigrations,
];
