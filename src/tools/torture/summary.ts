/** Counts what a run did and found, and makes the report. Judges nothing but what it is told. */
import type { Guarantee } from "../../config.ts";
import type { ConservationReport } from "../verify/check_conservation.ts";
import type { SequenceReport } from "./check_sequences.ts";
import type { PlannedFault } from "./fault.ts";
import type { HaltOutcome } from "./halts.ts";
import type { Ledger } from "./load.ts";
import { type Recovery, type RecoveryFigures, recoveryFigures } from "./recoveries.ts";
import type { RoleEvent } from "./role_event.ts";
import type { UnaskedEnd } from "./role_process.ts";

/** One thing that is not as it should be. */
export interface TortureFinding {
  readonly kind: string;
  readonly detail: string;
}

/** What a run was, did and found. */
export interface TortureReport {
  readonly seed: string;
  readonly kafka: string;
  readonly brokers: number;
  readonly guarantee: Guarantee;
  readonly minutes: number;
  readonly good: boolean;
  readonly faults: {
    readonly planned: number;
    readonly landed: number;
    readonly by_kind: Readonly<
      Record<string, { readonly landed: number; readonly missed: number }>
    >;
  };
  readonly load: {
    readonly acknowledged: number;
    readonly posted: number;
    readonly rolled_back: number;
    readonly failed: number;
    readonly numbered: number;
  };
  /** Committed transactions by role, as their processes told. */
  readonly transactions: Readonly<Record<string, number>>;
  /** Commits whose answer was lost, and what the committed offset said. */
  readonly unknown_outcomes: { readonly committed: number; readonly aborted: number };
  /** In how many partitions a transaction that Kafka had forgotten was ended, and how. */
  readonly forgotten: { readonly commit: number; readonly abort: number };
  /** Processes that ended by themselves and were started again, by exit code. */
  readonly restarts: Readonly<Record<string, number>>;
  readonly recovery: RecoveryFigures & {
    readonly by_kind: Readonly<Record<string, RecoveryFigures>>;
  };
  /** What was to make a process halt, and who did. */
  readonly halts: readonly HaltOutcome[];
  readonly findings: readonly TortureFinding[];
  readonly books: ConservationReport;
  readonly sequences: SequenceReport;
}

/** What a run may say of itself. */
interface RunFacts {
  readonly seed: string;
  readonly kafkaVersion: string;
  readonly brokers: number;
  readonly guarantee: Guarantee;
  readonly minutes: number;
  readonly onProgress: (line: string) => void;
}

/** See the file's first line. */
export class Summary {
  readonly #faults = new Map<string, { landed: number; missed: number }>();
  readonly #transactions = new Map<string, number>();
  readonly #resolved = { committed: 0, aborted: 0 };
  readonly #forgotten = { commit: 0, abort: 0 };
  readonly #restarts = new Map<string, number>();
  readonly #findings: TortureFinding[] = [];

  constructor(readonly facts: RunFacts) {}

  heard(event: RoleEvent): void {
    switch (event.event) {
      case "committed":
        this.#transactions.set(event.role, (this.#transactions.get(event.role) ?? 0) + 1);
        break;
      case "resolved":
        this.#resolved[event.outcome]++;
        break;
      case "forgotten":
        this.#forgotten[event.outcome]++;
        break;
      case "halted":
      case "ready":
      case "reached":
        break;
      default:
        event satisfies never;
    }
  }

  struck({ kind, victim }: PlannedFault, landed: boolean): void {
    const counts = this.#faults.get(kind) ?? { landed: 0, missed: 0 };
    counts[landed ? "landed" : "missed"]++;
    this.#faults.set(kind, counts);
    this.facts.onProgress(`${landed ? "landed" : "missed"}: ${kind} (${victim})`);
  }

  /** The torture could not do what it wanted: its own fault, and worth a look. */
  failed(planned: PlannedFault, error: unknown): void {
    this.struck(planned, false);
    this.facts.onProgress(`  could not: ${error instanceof Error ? error.message : error}`);
  }

  endedByItself(name: string, { code, signal, reason, tail }: UnaskedEnd): void {
    const how = signal ?? `exit code ${code}`;
    this.#restarts.set(how, (this.#restarts.get(how) ?? 0) + 1);
    this.facts.onProgress(`${name} ended by itself: ${how}`);
    // Exit code 2 is a dependency that could not be reached at the start: whoever watches it starts it again.
    if (code !== 2) this.#find("ended by itself", `${name}: ${how}\n${reason ?? tail}`);
  }

  /** What was not done when the drain's time was over. */
  stuck(left: readonly string[]): void {
    for (const what of left) this.#find("stuck", what);
  }

  report(outcome: {
    readonly ledger: Ledger;
    readonly forgotten: readonly string[];
    readonly books: ConservationReport;
    readonly sequences: SequenceReport;
    readonly recoveries: readonly Recovery[];
    readonly halts: readonly HaltOutcome[];
  }): TortureReport {
    const { ledger, forgotten, books, sequences, recoveries, halts } = outcome;
    if (forgotten.length > 0) {
      this.#find("forgotten", `${forgotten.length} acknowledged orders, first ${forgotten[0]}`);
    }
    for (const { kind, count, claim, first } of books.findings) {
      this.#find(kind, `${claim} (${count}): ${first.detail}`);
    }
    for (const { what, halted } of halts) {
      if (!halted) this.#find("did not halt", what);
    }
    for (const { kind, count, first } of sequences.findings) {
      this.#find(`sequences ${kind}`, `${count}, first ${first}`);
    }
    const { seed, kafkaVersion: kafka, brokers, guarantee, minutes } = this.facts;
    const counts = [...this.#faults.values()];
    return {
      ...{ seed, kafka, brokers, guarantee, minutes },
      good: this.#findings.length === 0,
      faults: {
        planned: counts.reduce((sum, { landed, missed }) => sum + landed + missed, 0),
        landed: counts.reduce((sum, { landed }) => sum + landed, 0),
        by_kind: Object.fromEntries([...this.#faults].sort()),
      },
      load: {
        acknowledged: ledger.acknowledged.size,
        posted: ledger.posted,
        rolled_back: ledger.rolledBack,
        failed: ledger.failed,
        numbered: sequences.events,
      },
      transactions: Object.fromEntries(this.#transactions),
      unknown_outcomes: this.#resolved,
      forgotten: this.#forgotten,
      restarts: Object.fromEntries(this.#restarts),
      recovery: {
        ...recoveryFigures(recoveries),
        by_kind: Object.fromEntries(
          [...Map.groupBy(recoveries, ({ kind }) => kind)].sort()
            .map(([kind, group]) => [kind, recoveryFigures(group)]),
        ),
      },
      halts,
      findings: this.#findings,
      ...{ books, sequences },
    };
  }

  #find(kind: string, detail: string): void {
    this.#findings.push({ kind, detail });
    this.facts.onProgress(`FOUND ${kind}: ${detail}`);
  }
}
