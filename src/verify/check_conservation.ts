/** The conservation checker: takes one consistent cut through the running pipeline and holds every rule against it. */
import type { Sql } from "../postgres/sql.ts";
import { type Cut, takeCut } from "./cut.ts";
import { derive } from "./derive.ts";
import { type Figures, readFigures } from "./figures.ts";
import { findingKinds, type Rule, type RuleFinding } from "./finding.ts";
import { foldLog, projectionRules } from "./fold.ts";
import { historyFromSpill } from "./history_from_spill.ts";
import type { OrderHistory } from "./order_history.ts";
import type { LogReader } from "./log_reader.ts";
import type { PipelineNames } from "./pipeline_names.ts";
import { conservationRules } from "./rules/conservation.ts";
import { integrityRules } from "./rules/integrity.ts";
import { transactionRules } from "./rules/transactions.ts";
import { openSpill, type Spill } from "./spill.ts";

export type { PipelineNames };

/** How to check. */
export interface ConservationOptions {
  readonly names: PipelineNames;
  /** Where the scratch database may be: about 1.5 KB an order, removed at the end. */
  readonly spillDir: string;
  /** The pipeline is said to be quiet: then lag is a finding. */
  readonly drained: boolean;
  /** How long an open transaction may hold the cut before it is a finding: longer than the transaction timeout. */
  readonly openTransactionWaitMs: number;
  readonly signal: AbortSignal;
  /** Called as the steps go by, for a progress line. */
  readonly onProgress?: (step: string) => void;
}

/** A kind of finding, with the first counterexample and all that is known of its order. */
export interface Finding extends RuleFinding {
  readonly history: OrderHistory | null;
}

/** The outcome of a verification. */
export interface ConservationReport {
  readonly good: boolean;
  readonly drained: boolean;
  readonly figures: Figures;
  readonly findings: readonly Finding[];
  /** What could not be decided, and why. */
  readonly notes: readonly string[];
  readonly elapsedMs: number;
}

/**
 * Checks that every order is announced once, invoiced once or dead-lettered once, in order, unaltered, and projected.
 * Reads only. Runs beside a running pipeline: see {@linkcode takeCut} for why that is sound.
 *
 * @throws {UnreachableError} when Kafka, Postgres or Java cannot be reached
 */
export async function checkConservation(
  sql: Sql,
  reader: LogReader,
  options: ConservationOptions,
): Promise<ConservationReport> {
  const started = performance.now();
  using spill = openSpill(options.spillDir);
  const cut = await takeCut(sql, reader, spill, options);
  options.onProgress?.("comparing");
  derive(spill);
  foldLog(spill);
  const findings = findAll(spill, cut, options);
  return {
    good: findings.length === 0,
    drained: options.drained,
    figures: readFigures(spill, findings),
    findings,
    notes: cut.notes,
    elapsedMs: Math.round(performance.now() - started),
  };
}

const allRules: readonly Rule[] = [
  ...conservationRules,
  ...integrityRules,
  ...transactionRules,
  ...projectionRules,
];

function findAll(spill: Spill, cut: Cut, options: ConservationOptions): Finding[] {
  const findings: Finding[] = [];
  for (const rule of allRules) {
    options.signal.throwIfAborted();
    if (rule.onlyWhenDrained && !options.drained) continue;
    if (rule.kind === "projection_differs" && !cut.projectionInstalled) continue;
    const found = hold(spill, rule);
    if (found === undefined) continue;
    const { order_id } = found.first;
    findings.push({
      ...found,
      history: order_id === null ? null : historyFromSpill(spill, order_id, options.names),
    });
  }
  const rank = ({ kind }: Finding) => findingKinds.indexOf(kind);
  return findings.sort((one, two) => rank(one) - rank(two));
}

/** Counts the contradictions of a rule without keeping them; the first one is enough to show. */
function hold(spill: Spill, rule: Rule): RuleFinding | undefined {
  let count = 0;
  let first: RuleFinding["first"] | undefined;
  for (const row of spill.each(rule.sql)) {
    count++;
    first ??= {
      order_id: row.subject === null ? null : String(row.subject),
      topic: row.topic === null ? null : String(row.topic),
      partition: row.partition === null ? null : Number(row.partition),
      offset: row.offset === null ? null : Number(row.offset),
      detail: String(row.detail),
    };
  }
  return first && { kind: rule.kind, claim: rule.claim, count, first };
}
