/** What a relay needs, what it reports, and how far it has come. */
import type { Health } from "../core/health.ts";
import type { Transactions } from "../core/ports.ts";
import type { TransactionObserver } from "../core/transaction_observer.ts";
import type { Hold } from "./holds.ts";
import { type Duty, noDuty } from "./lead_rules.ts";
import type { Refusal } from "./refused_topics.ts";
import { type RelayClock } from "./relay_clock.ts";
import { type CursorPlace } from "./relay_cursor.ts";
import type { RelayStore } from "./relay_store.ts";

/** What a relay needs. */
export interface RelayDeps {
  readonly store: RelayStore;
  readonly transactions: Transactions;
  /** Told what stands in the relay's way, as `relay:<shard>`. */
  readonly health?: Health;
  /** Partitions of a topic, or undefined where there is no such topic. */
  readonly partitionCount: (topic: string) => number | undefined;
  /** The largest record that a topic takes, bytes; undefined where it is not known. */
  readonly recordBytesMax?: (topic: string) => number | undefined;
  /** False where a partition of a topic is known to have no leader now. */
  readonly hasLeader?: (topic: string, partition: number) => boolean;
  /** Looks for topics that are not known; with `anew` what is known of them is looked up again. */
  readonly lookUp?: (topics: readonly string[], anew: boolean) => Promise<void>;
  /** How long Kafka keeps the offsets of an idle group, milliseconds; undefined where it does not tell. */
  readonly offsetsKeptMs?: () => Promise<number | undefined>;
  /** The process's own where absent. */
  readonly clock?: RelayClock;
}

/** Bounds of a relay. */
export interface RelayOptions extends CursorPlace {
  readonly batchRecordsMax: number;
  /** The pause before looking for new rows again, milliseconds. */
  readonly pollIntervalMs: number;
  /** Rows that were published longer ago than this are deleted, hours. */
  readonly retentionHours: number;
  /** The `ce_source` of what it publishes, a URI reference; `/onceflow/outbox` where absent. */
  readonly eventSource?: string;
}

/** What a relay reports. */
export interface RelayObserver extends TransactionObserver {
  /** This process leads the shard from now on, or does so no more. */
  leading?(shard: number, leading: boolean): void;
  /** Where the cursor stands, when a session begins and after each commit: all up to it is published, or held back. */
  stands?(shard: number, at: { position: number; holds: readonly Hold[] }): void;
  /** Rows were published, in one transaction that took `ms`; `oldestAt` is when the first of them was appended. */
  relayed?(
    batch: { shard: number; rows: number; position: number; oldestAt: Date; ms: number },
  ): void;
  /** Rows are visible that may not be handed out yet: an older writer is still open. */
  waiting?(shard: number): void;
  /** A session has ended since Kafka or Postgres is away; the next one begins with {@linkcode RelayObserver.stands}. */
  outage?(shard: number): void;
}

/** How far a relay has come, over all of its sessions. */
export interface RelayProgress {
  /** The last position known to be published, or -1 before the first session. */
  after: number;
  /** The event at that position. */
  eventId: string | undefined;
  /** There is no row for it any more: it was deleted by hand. */
  isRowGone: boolean;
  /** The position that a commit under way would reach. */
  doubt: number | undefined;
  /** The position that was tried last and is not known to be published; kept until something is. */
  unwritten?: number;
  failures: number;
  /** Why its last session ended, while that may pass by itself and was not logged. */
  untold?: string;
  /** Rows up to `after` that were passed by and wait. */
  holds: readonly Hold[];
  /** The rows up to `after` were written by transactions below this xid; undefined where that is not known. */
  writtenBelow: string | undefined;
  /** Topics whose records the broker does not take. */
  readonly refused: Map<string, Refusal>;
  /** Topics that are known to be noted in Postgres ({@linkcode RelayStore.recordTopics}). */
  readonly recordedTopics: Set<string>;
  /** When the cursor was committed last, by the relay's clock; undefined where that is not known to this process. */
  committedAt: number | undefined;
  /** What is owed to those that wait for the lead. */
  duty: Duty;
}

/** At the start of a process. */
export function noProgress(): RelayProgress {
  return {
    ...{ after: -1, eventId: undefined, isRowGone: false, doubt: undefined, failures: 0 },
    ...{ holds: [], writtenBelow: undefined, refused: new Map(), recordedTopics: new Set() },
    ...{ committedAt: undefined, duty: noDuty },
  };
}

/** The name of a relay's condition. */
export function relayCheck(shard: number): string {
  return `relay:${shard}`;
}

/** The same of the relay that has this transactional id: its last part is the shard. */
export function relayCheckOf(transactionalId: string): string {
  return relayCheck(Number(transactionalId.split("/").at(-1)));
}

/** Postgres is away, or takes no writes, among the reasons of {@linkcode relayCheck}. */
export const postgresCause = "postgres";
/** What ended its sessions, among the reasons of {@linkcode relayCheck}. */
export const sessionCause = "session";
