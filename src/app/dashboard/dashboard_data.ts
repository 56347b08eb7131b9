/** The document of `GET /dashboard/data.json`: every figure with the moment it is of, or the reason why it is not known. */
import type { OrderState } from "../orders/find_order.ts";

/** A figure, or why there is none. Times are ISO 8601 in UTC. */
export type Known<T> =
  | { readonly known: true; readonly as_of: string; readonly value: T }
  | { readonly known: false; readonly reason: string };

/** All that the page shows. */
export interface DashboardData {
  /** When this was put together. */
  readonly at: string;
  readonly guarantee: DashboardGuarantee;
  readonly topics: DashboardTopics;
  readonly counts: Known<Counts>;
  readonly lags: Known<Lags>;
  readonly conservation: Known<Conservation>;
  readonly dead_letters: Known<DeadLetters>;
  readonly latest_orders: Known<readonly OrderState[]>;
  readonly customers: Known<readonly CustomerRow[]>;
  readonly workers: Known<Workers>;
  readonly latency: Known<Latency>;
}

/** The guarantee, and how it is known: a worker in another process may have been started with another one. */
export interface DashboardGuarantee {
  readonly name: "exactly-once" | "at-least-once" | "at-most-once";
  readonly known_from: "worker" | "setting";
}

/** The topics of the pipeline. */
export interface DashboardTopics {
  readonly orders: string;
  readonly invoices: string;
  readonly dead_letters: string;
}

/** Exact counts of one database snapshot; none is an estimate. */
export interface Counts {
  /** Rows of `orders`: what the API answered 202 for. */
  readonly placed: number;
  /** Orders that the read model has seen on the orders topic. */
  readonly published: number;
  /** Of those, the ones with an invoice. */
  readonly invoiced: number;
  /** Of those, the ones that stand as dead letters now. */
  readonly dead_lettered: number;
  /** Published, and neither invoiced nor dead-lettered so far. */
  readonly pending: number;
}

/** How far each stage is behind the one before it. */
export interface Lags {
  readonly relay: {
    /** Outbox rows not on Kafka yet; counted up to `waiting_max`. */
    readonly waiting: number;
    readonly waiting_max: number;
    /** How long the oldest of them has waited, seconds. */
    readonly oldest_seconds: number;
    /** The writing transaction that has been open for longest: rows behind it must wait. */
    readonly horizon_seconds: number;
    readonly horizon_holder: string | null;
  };
  /** Records of the orders topic behind the worker's committed offsets. */
  readonly worker: { readonly records: number };
  /** Records of all three topics behind the read model's positions. */
  readonly projector: { readonly records: number };
}

/** The flow's consumer group: who has which partitions of the orders topic. */
export interface Workers {
  /** As the coordinator calls it: `Stable`, `Empty`, `PreparingRebalance`, `CompletingRebalance`, `Dead`. */
  readonly state: string;
  readonly members: readonly {
    /** Unique among the members. */
    readonly member: string;
    readonly client: string;
    readonly host: string;
    readonly partitions: readonly PartitionLag[];
  }[];
  /** Partitions that nobody has at this moment. */
  readonly unowned: readonly PartitionLag[];
}

/** Records of one partition behind the committed offset. */
export interface PartitionLag {
  readonly partition: number;
  readonly records: number;
}

/** From placed to invoiced, of the orders that were placed last; null where none of them is invoiced. */
export interface Latency {
  /** So many were looked at. */
  readonly orders: number;
  /** So many of them have an invoice. */
  readonly invoiced: number;
  readonly p50_seconds: number | null;
  readonly p95_seconds: number | null;
  readonly max_seconds: number | null;
}

/**
 * The books as of a cut: the offsets that were committed at one moment. An order counts as lost when the cut lies behind
 * it, everything written up to the cut has been projected, and its result still is not there.
 */
export interface Conservation {
  /** When the offsets of the cut were read. */
  readonly cut_at: string;
  /** Rows of `orders` behind the relay's cursor that are not on the topic. */
  readonly never_published: Finding;
  /** Orders behind the worker's offsets with neither an invoice nor a dead letter. */
  readonly never_settled: Finding;
  /** Orders with more than one invoice. */
  readonly billed_twice: Finding;
}

/** How many, and some of them to look up. */
export interface Finding {
  readonly orders: number;
  readonly examples: readonly string[];
}

/** What has been written to the dead-letter topic and is kept there, redriven ones included. */
export interface DeadLetters {
  readonly records: number;
  /** An `error_class` is empty where no header tells it, here and below. */
  readonly by_class: readonly { readonly error_class: string; readonly records: number }[];
  /** The most frequent causes, the largest first. */
  readonly by_cause: readonly CauseRow[];
  /** Records that were not read yet. */
  readonly unread: number;
  /** The latest, newest first. */
  readonly latest: readonly DeadLetterRow[];
}

/** Dead letters with one cause, those among them that were redriven included. */
export interface CauseRow {
  /** Twelve hexadecimal digits; `POST /operate/dead-letters/redrive` takes them. */
  readonly fingerprint: string;
  readonly error_class: string;
  /** What they failed with, without what differs from record to record. */
  readonly reason: string;
  readonly records: number;
  /** When the last of them failed. */
  readonly last: string;
  /** PARTITION/OFFSET of some, the newest first. */
  readonly samples: readonly string[];
}

/** One dead letter. */
export interface DeadLetterRow {
  readonly partition: number;
  readonly offset: number;
  readonly at: string;
  /** The record's key as text; empty where it has none. */
  readonly key: string;
  readonly error_class: string;
  readonly error: string;
}

/** A customer's totals in one currency. */
export interface CustomerRow {
  readonly user_id: string;
  readonly currency: string;
  readonly orders_count: number;
  readonly invoices_count: number;
  /** Decimal text. */
  readonly amount_total: string;
  /** Decimal text. */
  readonly invoiced_total: string;
}

/** `GET /dashboard/operating.json`: whether whoever asks could operate the pipeline now, and if not, why. */
export interface Operating {
  readonly may: boolean;
  /** What the client would be told if it tried. */
  readonly problem: { readonly title: string; readonly detail?: string } | null;
}

/** `GET /dashboard/orders/{id}`: where one order is. */
export interface OrderTrail {
  readonly order: OrderState;
  /** Undefined where the order did not come through the API. */
  readonly outbox?: {
    /** `removed`: published, and cleared away since. `unknown`: Kafka did not tell how far the relay has come. */
    readonly state: "waiting" | "published" | "removed" | "unknown";
    readonly position?: number;
  };
  /** Where the order stands on its topic, once the read model has seen it there. */
  readonly topic?: { readonly partition: number; readonly offset: number; readonly times: number };
  readonly invoices_count: number;
  readonly dead_letter_class?: string;
}
