/** `worker audit`: who has operated the pipeline, and how it ended. */
import { Command } from "commander";
import type { AuditRow } from "../app/audit/audit_log.ts";
import { oneLine } from "../engine/core/plain_text.ts";
import { wrapped } from "../engine/dead_letters/fit_columns.ts";
import { jsonDocument } from "./json_document.ts";
import { wholeNumber } from "./number_option.ts";
import { print } from "./print.ts";

/** What the command is given by whoever mounts it. */
export interface AuditActions {
  /** The newest rows, newest first. */
  read(limit: number): Promise<readonly AuditRow[]>;
}

/** The command, ready to be added to `worker`. */
export function auditCommand(actions: AuditActions): Command {
  return new Command("audit")
    .description(
      "Show who has redriven, unparked, set offsets, ended transactions, rebuilt or erased, newest first.",
    )
    .option("--limit <n>", "at most this many rows", wholeNumber(1, 999_999), 50)
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      "\nEach action has one row when it begins and another when it has ended. OPERATOR names who does it; without it, that\n" +
        "is the user of DATABASE_URL.",
    )
    .action(async ({ limit, json }: { readonly limit: number; readonly json?: true }) => {
      const rows = await actions.read(limit);
      if (json) return print(jsonDocument(rows));
      print(rows.length === 0 ? "The audit log is empty." : rows.map(lines).join("\n"));
    });
}

/** Who did what and how it ended, and below it how and why; it fits 100 columns. */
function lines({ at, operator, action, target, detail, outcome, reason }: AuditRow): string {
  const how = JSON.stringify(detail);
  return [
    `${at.toISOString()}  ${operator}  ${action} of ${target}  ${outcome}`,
    ...how === "{}" ? [] : [`  ${how}`],
    ...reason === "" ? [] : [`  ${reason.replaceAll(/\s+/g, " ")}`],
  ].map((line) => wrapped(oneLine(line), "  ")).join("\n");
}
