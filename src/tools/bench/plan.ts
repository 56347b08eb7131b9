/** How much a run of the benchmark does: three sizes. Plain data. */

/** The parts of the benchmark, in the order in which they run. */
export const sectionNames = [
  "drain",
  "lookup",
  "state",
  "shapes",
  "latency",
  "kills",
  "http",
  "relay",
  "retention",
  "projector",
  "soak",
  "tracing",
] as const;
/** One of {@linkcode sectionNames}. */
export type SectionName = (typeof sectionNames)[number];

/** Only where it is named. */
export const namedOnly: readonly SectionName[] = ["tracing"];

/** `quick` takes some two minutes on a quiet machine, `full` less than thirty. */
export type Size = "quick" | "default" | "full";

/** How much each part does. */
export interface BenchPlan {
  /** Of the drains: rounds that count, after one that does not. */
  readonly rounds: number;
  readonly drainRecords: number;
  readonly lookupRecords: number;
  /** Keys whose state is there when a flow starts again. */
  readonly stateKeys: number;
  readonly shapeRecords: number;
  readonly shapeRounds: number;
  /** Bounds of a transaction that are compared, records. */
  readonly batches: readonly number[];
  readonly partitions: readonly number[];
  readonly rates: readonly number[];
  readonly latencySeconds: number;
  readonly latencyWarmSeconds: number;
  readonly killRate: number;
  /** Kills of each guarantee's worker, and the time from its first commit after which there are no more. */
  readonly kills: number;
  readonly killSecondsMax: number;
  readonly httpSeconds: number;
  readonly httpRates: readonly number[];
  readonly relayRows: number;
  /** Of orders at a steady rate, whose rows are deleted as soon as they are published. */
  readonly retentionSeconds: number;
  readonly projectorRecords: number;
  readonly soakSeconds: number;
  readonly peerRounds: number;
  readonly peerRecords: number;
  /** Orders for the peer that needs a transaction a message. */
  readonly slowPeerRecords: number;
}

const quick: BenchPlan = {
  rounds: 2,
  drainRecords: 40_000,
  lookupRecords: 10_000,
  stateKeys: 40_000,
  shapeRecords: 20_000,
  shapeRounds: 1,
  batches: [2_000],
  partitions: [16],
  rates: [100, 1_000],
  latencySeconds: 3,
  latencyWarmSeconds: 1,
  killRate: 500,
  kills: 8,
  killSecondsMax: 120,
  httpSeconds: 3,
  httpRates: [500],
  relayRows: 20_000,
  retentionSeconds: 10,
  projectorRecords: 10_000,
  soakSeconds: 4,
  peerRounds: 2,
  peerRecords: 40_000,
  slowPeerRecords: 30,
};

const usual: BenchPlan = {
  rounds: 5,
  drainRecords: 300_000,
  lookupRecords: 100_000,
  stateKeys: 1_000_000,
  shapeRecords: 100_000,
  shapeRounds: 3,
  batches: [200, 2_000, 10_000],
  partitions: [1, 16, 64],
  rates: [100, 1_000, 5_000, 20_000],
  latencySeconds: 10,
  latencyWarmSeconds: 3,
  killRate: 1_000,
  kills: 12,
  killSecondsMax: 180,
  httpSeconds: 8,
  httpRates: [500],
  relayRows: 200_000,
  retentionSeconds: 30,
  projectorRecords: 50_000,
  soakSeconds: 60,
  peerRounds: 5,
  peerRecords: 300_000,
  slowPeerRecords: 100,
};

const full: BenchPlan = {
  ...usual,
  rounds: 7,
  batches: [200, 1_000, 2_000, 10_000],
  latencySeconds: 20,
  kills: 24,
  killSecondsMax: 300,
  httpSeconds: 15,
  httpRates: [100, 500, 1_000],
  relayRows: 1_000_000,
  retentionSeconds: 120,
  projectorRecords: 200_000,
  soakSeconds: 600,
};

/** The plan of a size. */
export const plans: Readonly<Record<Size, BenchPlan>> = { quick, default: usual, full };

/** The figures that issue 5 of this project asks for: what is better than the bound is marked as met. */
export const targets = {
  exactlyOnceToAtLeastOnce: 0.97,
  /** Of a flow that keeps a count for each key, to one that keeps nothing. */
  statefulToStateless: 0.5,
  /** From the start of a process that has the state of a million keys to read. */
  stateRestartSeconds: 10,
  /** With one trace of a hundred kept, to tracing off. */
  tracedToUntraced: 0.97,
  drainCpuMicrosPerRecord: 6,
  latencyP99MsAt: new Map([[100, 15], [1_000, 25]]),
  partitionsCpuRatio: 1.2,
  relayRowsPerSecond: 20_000,
  /** Rows that are left at a steady 1,000 a second: those of ten seconds. */
  outboxRowsMax: 10_000,
  ordersPerSecond: 2_000,
  orderP99Ms: 25,
  memoryMiB: 300,
} as const;
