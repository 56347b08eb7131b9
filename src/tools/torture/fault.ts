/** What a fault is: drawn from the seed as plain data, and made to happen by the kind of its name. */
import type { Arena } from "./arena.ts";
import type { Random } from "./random.ts";

/** Faults of one track follow each other; those of different tracks meet. */
export const tracks = ["worker", "relay", "projector", "network", "infrastructure"] as const;
/** One of {@linkcode tracks}. */
export type Track = (typeof tracks)[number];

/** A fault as it stands in the schedule. */
export interface PlannedFault {
  readonly track: Track;
  readonly kind: string;
  /** After the fault before it on the same track had ended, milliseconds. */
  readonly pauseMs: number;
  /** Whom it strikes. */
  readonly victim: string;
  /** What else it needs: lengths in milliseconds, counts. */
  readonly amounts: Readonly<Record<string, number>>;
}

/** What a fault draws for itself. */
export type Drawn = Pick<PlannedFault, "victim"> & Partial<Pick<PlannedFault, "amounts">>;

/** The cluster and roles that faults are drawn for. */
export interface Stage {
  readonly brokers: 1 | 3;
  /** By it a transaction has other requests (KIP-890). */
  readonly transactionProtocol: 1 | 2;
  readonly workers: readonly string[];
  readonly relays: readonly string[];
  readonly projectors: readonly string[];
}

/** A kind of fault. */
export interface FaultKind {
  readonly kind: string;
  readonly track: Track;
  /** How often it is drawn, relative to the others of its track. */
  readonly weight: number;
  /** Only where there are three brokers. */
  readonly needsThreeBrokers?: boolean;
  /** Only where transactions have AddPartitionsToTxn and AddOffsetsToTxn. */
  readonly needsProtocol1?: boolean;
  /** Drawn without looking at anything but the stage: the same seed gives the same fault. */
  draw(random: Random, stage: Stage): Drawn;
  /** Makes it happen, and undoes what would not end by itself. True when its effect was seen. */
  strike(arena: Arena, planned: PlannedFault, signal: AbortSignal): Promise<boolean>;
}
