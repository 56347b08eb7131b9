/** A verification as text for people: the books, then each finding with its first counterexample's history. */
import Table from "cli-table3";
import type { ConservationReport, Finding } from "./check_conservation.ts";
import { oneLine } from "../../engine/core/plain_text.ts";
import { formatHistory } from "./order_history.ts";

/** The whole report. */
export function formatReport(report: ConservationReport): string {
  const parts = [
    formatFigures(report),
    ...report.findings.map(formatFinding),
    ...formatForeign(report),
    ...report.notes.map((note) => `Note: ${note}.`),
    verdict(report),
  ];
  return parts.join("\n\n");
}

/** The conservation table alone, as the demo ends with it. */
export function formatFigures({ figures, drained }: ConservationReport): string {
  const table = new Table({
    head: ["placed", "published", "invoiced", "dead-lettered", "projected", "lost", "duplicated"],
    colAligns: Array.from({ length: 7 }, () => "right" as const),
    style: { head: [], border: [] },
  });
  const { placed, announced: published, invoiced, dead_lettered, projected, lost, duplicated } =
    figures;
  table.push([placed, published, invoiced, dead_lettered, projected, lost, duplicated]);
  const lines = [table.toString()];
  const { foreign, redriven, aborted, lag } = figures;
  if (foreign.records > 0) {
    lines.push(
      `${foreign.records} records on the topic were put there by other producers: ` +
        `${foreign.invoiced} invoiced, ${foreign.dead_lettered} dead-lettered.`,
    );
  }
  if (redriven > 0) lines.push(`${redriven} dead letters were redriven.`);
  if (aborted > 0) {
    lines.push(`${aborted} records belong to aborted transactions, and nobody sees them.`);
  }
  if (!drained && lag.relay + lag.worker + lag.projector > 0) {
    lines.push(
      `On the way: ${lag.relay} to be published, ${lag.worker} to be processed, ${lag.projector} to be projected.`,
    );
  }
  return lines.join("\n");
}

/** A person reads the kinds from the first ones; all are in the JSON document. */
const foreignShownMax = 10;

function formatForeign(
  { foreign_dead_letters: listed = [], foreign_dead_letters_left_off: leftOff = 0 }:
    ConservationReport,
): string[] {
  if (listed.length === 0) return [];
  const shown = listed.slice(0, foreignShownMax);
  const more = listed.length - shown.length + leftOff;
  const lines = shown.map((letter) => oneLine(`  ${letter}`));
  if (more > 0) lines.push(`  and ${more} more`);
  return [["Dead letters of other producers:", ...lines].join("\n")];
}

function formatFinding({ kind, claim, count, first, history }: Finding): string {
  const place = first.topic === null
    ? ""
    : ` at ${first.topic}-${first.partition ?? "?"}@${first.offset ?? "?"}`;
  const lines = [
    `${kind.toUpperCase()} (${count}): violated: ${claim}`,
    oneLine(
      `  first: ${
        first.order_id === null ? "" : `order ${first.order_id}`
      }${place}: ${first.detail}`
        .replace("first: :", "first:").replace("first:  at", "first: at"),
    ),
  ];
  if (history !== null) lines.push(formatHistory(history, "  "));
  return lines.join("\n");
}

function verdict({ good, findings, elapsedMs }: ConservationReport): string {
  const seconds = (elapsedMs / 1000).toFixed(1);
  if (good) return `The books balance. Checked in ${seconds} s.`;
  const kinds = [...new Set(findings.map(({ kind }) => kind))];
  return `The books do NOT balance: ${kinds.join(", ")}. Checked in ${seconds} s.`;
}
