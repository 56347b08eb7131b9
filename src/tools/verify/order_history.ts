/** All that is known of one order, as plain data, and as text for people. Gathers nothing itself. */

import { oneLine } from "../../engine/core/plain_text.ts";

/** One thing that happened to an order, in the order of its way. */
export interface HistoryStep {
  readonly stage:
    | "row"
    | "outbox"
    | "published"
    | "invoiced"
    | "dead-lettered"
    | "redriven"
    | "projected";
  /** Where it stands: `orders-3@17`, `outbox position 4`. */
  readonly place: string;
  /** What became of it in the log; null where it is not in a log. */
  readonly state: string | null;
  readonly detail: string;
}

/** The history of one order. */
export interface OrderHistory {
  readonly order_id: string;
  readonly steps: readonly HistoryStep[];
}

/** One line a step. */
export function formatHistory(history: OrderHistory, indent = ""): string {
  if (history.steps.length === 0) {
    return `${indent}order ${oneLine(history.order_id)}: nothing is known of it`;
  }
  const width = Math.max(...history.steps.map(({ place }) => place.length));
  const lines = history.steps.map(({ stage, place, state, detail }) =>
    `${indent}  ${stage.padEnd(13)} ${place.padEnd(width)}  ${
      oneLine([state, detail].filter(Boolean).join(", "))
    }`
      .trimEnd()
  );
  return [`${indent}order ${oneLine(history.order_id)}`, ...lines].join("\n");
}
