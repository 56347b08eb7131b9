/** One order's history as the cut saw it, so that a counterexample shows the very facts it was found in. */
import type { HistoryStep, OrderHistory } from "./order_history.ts";
import type { PipelineNames } from "./pipeline_names.ts";
import type { Spill, SpillRow } from "./spill.ts";

const stepsMax = 50;

/** `subject` is an order id, or the key of a record that no order can be read from. */
export function historyFromSpill(
  spill: Spill,
  subject: string,
  names: PipelineNames,
): OrderHistory {
  const rows = (sql: string, ...values: (string | number)[]) =>
    spill.rows(`${sql} limit ${stepsMax}`, ...values);
  const expected = rows("select * from expected where order_id = ? or key = ?", subject, subject);
  const published = rows(
    "select * from published where order_id = ? or key = ? order by partition, offset",
    subject,
    subject,
  );
  const events = new Set([...expected, ...published].map(({ event }) => event));
  const invoiced = rows(
    "select * from invoiced where order_id = ? or key = ? order by partition, offset",
    subject,
    subject,
  );
  for (const event of events) {
    if (typeof event !== "string") continue;
    for (const row of rows("select * from invoiced where cause = ?", event)) {
      if (!invoiced.some((known) => samePlace(known, row))) invoiced.push(row);
    }
  }
  const dead = published.flatMap((row) =>
    rows(
      "select * from dead where from_partition = ? and from_offset = ? order by partition, offset",
      Number(row.partition),
      Number(row.offset),
    )
  );
  for (const row of rows("select * from dead where order_id = ?", subject)) {
    if (!dead.some((known) => samePlace(known, row))) dead.push(row);
  }
  const viewed = rows("select * from viewed where order_id = ?", subject);
  return {
    order_id: subject,
    steps: [
      ...expected.flatMap(rowSteps),
      ...inTime([
        ...published.map((row) => ({ row, step: publication(row, names.ordersTopic) })),
        ...invoiced.map((row) => ({ row, step: invoice(row, names.invoicesTopic) })),
        ...dead.map((row) => ({ row, step: deadLetterStep(row, names) })),
      ]),
      ...viewed.map(line),
    ],
  };
}

/** As they happened, by the records' own timestamps; what is equal stays in the order of the pipeline. */
function inTime(steps: readonly { row: SpillRow; step: HistoryStep }[]): HistoryStep[] {
  return steps.toSorted((one, two) => Number(one.row.timestamp) - Number(two.row.timestamp))
    .map(({ step }) => step);
}

function samePlace(one: SpillRow, two: SpillRow): boolean {
  return one.partition === two.partition && one.offset === two.offset;
}

function rowSteps(row: SpillRow): HistoryStep[] {
  const steps: HistoryStep[] = [];
  if (row.has_row) {
    steps.push({
      stage: "row",
      place: "table orders",
      state: null,
      detail: `${row.user_id} ${row.amount} ${row.currency} at ${
        at(row.placed_at)
      }, event ${row.event}`,
    });
  }
  steps.push({
    stage: "outbox",
    place: row.has_outbox ? `shard ${row.shard} position ${row.position}` : "no row",
    state: null,
    detail: row.has_outbox ? `event ${row.event}` : "retired after publishing, or never written",
  });
  return steps;
}

function publication(row: SpillRow, topic: string): HistoryStep {
  const who = row.redriven_from
    ? `redriven from ${row.redriven_from}`
    : row.relayed
    ? "by the relay"
    : "by another producer";
  return {
    stage: row.redriven_from ? "redriven" : "published",
    place: `${topic}-${row.partition}@${row.offset}`,
    state: String(row.state),
    detail: `${who}, ${row.well_formed ? `event ${row.event}` : "not readable as an order"}, ${
      at(row.timestamp)
    }`,
  };
}

function invoice(row: SpillRow, topic: string): HistoryStep {
  return {
    stage: "invoiced",
    place: `${topic}-${row.partition}@${row.offset}`,
    state: String(row.state),
    detail: row.well_formed
      ? `invoice ${row.invoice_id}, net ${row.net} tax ${row.tax} gross ${row.gross} ${row.currency}, cause ${row.cause}, ${
        at(row.timestamp)
      }`
      : "not readable as an invoice",
  };
}

function deadLetterStep(row: SpillRow, names: PipelineNames): HistoryStep {
  return {
    stage: "dead-lettered",
    place: `${names.deadLettersTopic}-${row.partition}@${row.offset}`,
    state: String(row.state),
    detail:
      `from ${names.ordersTopic}-${row.from_partition}@${row.from_offset}, ${row.error_class}: ${row.error} ` +
      `(attempts: ${row.attempts}), ${at(row.timestamp)}`,
  };
}

function line(row: SpillRow): HistoryStep {
  return {
    stage: "projected",
    place: "order_view",
    state: null,
    detail: [row.status, row.invoice_id && `invoice ${row.invoice_id}`, row.dead_letter_reason]
      .filter(Boolean).join(", "),
  };
}

function at(ms: SpillRow[string] | undefined): string {
  return ms === null || ms === undefined ? "?" : new Date(Number(ms)).toISOString();
}
