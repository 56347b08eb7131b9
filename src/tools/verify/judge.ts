/** Holds every rule against the facts in the scratch database. Reads neither Kafka nor Postgres. */
import { derive } from "./derive.ts";
import { findingKinds, type Rule, type RuleFinding } from "./finding.ts";
import { foldLog, projectionRules } from "./fold.ts";
import { historyFromSpill } from "./history_from_spill.ts";
import type { OrderHistory } from "./order_history.ts";
import type { PipelineNames } from "./pipeline_names.ts";
import { conservationRules } from "./rules/conservation.ts";
import { integrityRules } from "./rules/integrity.ts";
import { transactionRules } from "./rules/transactions.ts";
import type { Spill } from "./spill.ts";

/** A kind of finding, with the first counterexample and all that is known of its order. */
export interface Finding extends RuleFinding {
  readonly history: OrderHistory | null;
}

/** What is claimed of the cut. */
export interface JudgeOptions {
  readonly names: PipelineNames;
  readonly drained: boolean;
  readonly projectionInstalled: boolean;
  readonly signal: AbortSignal;
  /** Dead letters that were written since then are all there; unknown where absent. */
  readonly deadLettersFromMs?: number;
}

const allRules: readonly Rule[] = [
  ...conservationRules,
  ...integrityRules,
  ...transactionRules,
  ...projectionRules,
];

/** Holds every rule against the loaded facts. The spill is to be used for nothing but reading after this. */
export function judge(spill: Spill, options: JudgeOptions): readonly Finding[] {
  derive(spill, options.deadLettersFromMs);
  foldLog(spill);
  const findings: Finding[] = [];
  for (const rule of allRules) {
    options.signal.throwIfAborted();
    if (rule.onlyWhenDrained && !options.drained) continue;
    if (rule.kind === "projection_differs" && !options.projectionInstalled) continue;
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
