/** Which outbox: its schema, its shards, and the names of its cursor in Kafka. Looks nothing up. */
import type { Names } from "../core/names.ts";
import { checkSchemaName } from "../postgres/schema_name.ts";

/**
 * An outbox among others. Two of them in schemas of one database, or in two databases, have nothing in common where they
 * differ in their names; without any there is one: in the schema that `search_path` names, relayed as `relay`.
 */
export interface Outbox {
  /**
   * The schema of its tables, `[a-z_][a-z0-9_]*`. It is made where it is missing; the `search_path` of whoever appends does not
   * matter then. Where absent, the tables are where `search_path` finds them.
   */
  readonly schema?: string;
  /**
   * What its relay is called on the cluster: the consumer group of the cursor, the cursor's topic and the transactional ids end
   * with it. The schema's name where absent. It stays for as long as the outbox does: under another name the relay halts, since
   * it finds no cursor of that name.
   */
  readonly name?: string;
  /** How many relays may work side by side, 1 to 64; all events of a key go through one. Default 1. */
  readonly shards?: number;
}

/** Where the cursor of an outbox is kept. */
export interface OutboxNames {
  /** Its consumer group. */
  readonly groupId: string;
  /** The topic without records on which the group commits, a partition for each shard. */
  readonly cursorTopic: string;
}

const namePattern = /^[A-Za-z0-9._-]{1,60}$/;
const shardsMax = 64;

/**
 * The names of its cursor, under the namespace of the cluster's names.
 *
 * @throws {TypeError} when a name cannot be one, or there are too many shards
 */
export function outboxNames(outbox: Outbox, names: Names): OutboxNames {
  checkOutbox(outbox);
  const { name = outbox.schema } = outbox;
  const suffix = name === undefined ? "" : `.${name}`;
  return {
    groupId: names.group(`relay${suffix}`),
    cursorTopic: names.group(`outbox-cursor${suffix}`),
  };
}

/**
 * Refuses what can be no outbox.
 *
 * @throws {TypeError} saying what may be
 */
export function checkOutbox({ schema, name, shards = 1 }: Outbox): void {
  if (schema !== undefined) checkSchemaName(schema);
  if (name !== undefined && !namePattern.test(name)) {
    throw new TypeError(
      `Cannot use the outbox name ${
        JSON.stringify(name)
      }: use at most 60 letters, digits, ".", "_" and "-"`,
    );
  }
  if (!Number.isInteger(shards) || shards < 1 || shards > shardsMax) {
    throw new TypeError(`Cannot use ${shards} shards: use a whole number from 1 to ${shardsMax}`);
  }
}
