/** `worker audit`: who has operated the pipeline, and how it ended. */
import { Command } from "commander";
import type { AuditRow } from "../app/audit/audit_log.ts";
import { oneLine } from "../engine/core/plain_text.ts";
import { wrapped } from "../engine/dead_letters/fit_columns.ts";
import { jsonDocument } from "./json_document.ts";
import { wholeNumber } from "./number_option.ts";
import { print } from "./print.ts";
import { progress } from "./progress.ts";

/** What the command is given by whoever mounts it. */
export interface AuditActions {
  /** The newest rows, newest first; those below the id `before` where it is given. */
  read(limit: number, before?: number): Promise<readonly AuditRow[]>;
}

interface AuditArguments {
  readonly limit: number;
  readonly before?: number;
  readonly json?: true;
}

const anyId = wholeNumber(1, 999_999_999_999_999);

/** The command, ready to be added to `worker`. */
export function auditCommand(actions: AuditActions): Command {
  return new Command("audit")
    .description(
      "Show who has redriven, unparked, set offsets, ended transactions, rebuilt or erased, newest first.",
    )
    .option("--limit <n>", "at most this many rows", wholeNumber(1, 999_999), 50)
    .option("--before <id>", "go on behind an earlier list: the id of its last row", anyId)
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      "\nEach action has one row when it begins and another when it has ended. What was killed has\n" +
        "the first alone, and says so. OPERATOR names who does it; without it, that\n" +
        "is the user of DATABASE_URL.",
    )
    .action(async ({ limit, before, json }: AuditArguments) => {
      const rows = await actions.read(limit, before);
      if (json) return print(jsonDocument(rows));
      const none = before === undefined ? "The audit log is empty." : "There are no earlier rows.";
      print(rows.length === 0 ? none : rows.map(lines).join("\n"));
      if (rows.length === limit) progress(`There may be more: --before ${rows.at(-1)?.id}`);
    });
}

/** Who did what and how it ended, and below it how and why; it fits 100 columns. */
function lines({ at, operator, action, target, detail, outcome, reason, ended }: AuditRow): string {
  const standing = ended ? outcome : `${outcome}, no end noted: it is at work, or was killed`;
  const how = JSON.stringify(detail);
  return [
    `${at.toISOString()}  ${operator}  ${action} of ${target}  ${standing}`,
    ...how === "{}" ? [] : [`  ${how}`],
    ...reason === "" ? [] : [`  ${reason.replaceAll(/\s+/g, " ")}`],
  ].map((line) => wrapped(oneLine(line), "  ")).join("\n");
}
