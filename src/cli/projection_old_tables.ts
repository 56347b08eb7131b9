/** `projection rollback` and `projection drop-old`: the way back to the tables that a rebuild has replaced, and its end. */
import type { Command } from "commander";
import type {
  OldTables,
  RebuildProgress,
  RollbackPlan,
  RollbackReport,
} from "../engine/projection/mod.ts";
import { askFirst } from "./ask_first.ts";
import { jsonDocument } from "./json_document.ts";
import { print } from "./print.ts";
import { progress } from "./progress.ts";
import { showProgress } from "./projection_progress.ts";

/** What the commands do, given by who knows the services. */
export interface OldTablesActions {
  rollback(options: {
    readonly atOnce: boolean;
    readonly beforeRollback: (plan: RollbackPlan) => void;
    readonly onProgress: (progress: RebuildProgress) => void;
  }): Promise<RollbackReport>;
  dropOld(options: {
    readonly beforeDrop: (old: OldTables) => void;
  }): Promise<OldTables | undefined>;
  /** Asks the operator; false where there is nobody to ask. */
  confirm(question: string): boolean;
}

interface Given {
  readonly atOnce?: true;
  readonly yes?: true;
  readonly json?: true;
}

/** Adds `rollback`. */
export function addRollback(command: Command, actions: OldTablesActions): void {
  command.command("rollback")
    .description("Put back the tables that the last rebuild has replaced, with their positions.")
    .option(
      "--at-once",
      "put them back as they are; readers see the past until projectors catch up",
    )
    .option("--yes", "do not ask, with --at-once")
    .option("--json", "print one JSON document")
    .addHelpText("after", rollbackHelp)
    .action(async (given: Given) => {
      const { atOnce = false, yes, json } = given;
      const show = showProgress();
      const report = await actions.rollback({
        atOnce,
        onProgress: show.onProgress,
        beforeRollback(plan) {
          progress(describePlan(plan));
          if (!atOnce) return;
          const question = "Show the past until the projectors have caught up?";
          askFirst(question, { yes, confirm: actions.confirm });
        },
      }).finally(show.stop);
      print(json ? jsonDocument(report) : describeRollback(report, atOnce));
    });
}

const rollbackHelp = `
It is run by the program of the version that comes back, and needs the rights of a rebuild. What came since the old
tables were live is folded into them first, so that no reader sees a step back. Policies, grants, triggers and indexes
that were added to the live tables since, or removed from them, are carried over. The tables that were live are kept in
their turn: a second rollback undoes the first. Readers and workers go on meanwhile.`;

const nothingKept =
  "There are no old tables, so nothing was dropped. A rebuild or a rollback keeps " +
  'those that it replaces;\n"deno task projection status" names them.';

/** Adds `drop-old`. */
export function addDropOld(command: Command, actions: OldTablesActions): void {
  command.command("drop-old")
    .description("Drop the tables that the last rebuild or rollback has replaced and kept.")
    .option("--yes", "do not ask")
    .option("--json", "print one JSON document")
    .action(async ({ yes, json }: Given) => {
      const dropped = await actions.dropOld({
        beforeDrop(old) {
          const question = `Drop ${describeOld(old)}? There is no way back to them then.`;
          askFirst(question, { yes, confirm: actions.confirm, not: "dropped" });
        },
      });
      if (json) print(jsonDocument({ dropped: dropped ?? null }));
      else print(dropped ? `Dropped ${describeOld(dropped)}.` : nothingKept);
    });
}

/** In a sentence: `the tables of version 1 (order_view, customer_totals; 12.3 MB), replaced 2026-01-02T03:04:05.678Z`. */
export function describeOld({ version, tables, bytes, keptAt, schema }: OldTables): string {
  return `the tables of version ${version} (${tables.join(", ")} in ${schema}; ${
    (bytes / 1e6).toFixed(1)
  } MB), replaced ${keptAt}`;
}

function describePlan({ version, replacedVersion, keptAt, behind }: RollbackPlan): string {
  return `The old tables (version ${version}, replaced ${keptAt} by version ${replacedVersion}) are ${behind} offsets behind.`;
}

function describeRollback(report: RollbackReport, atOnce: boolean): string {
  const { projection, version, replacedVersion, behind, events, kept = [], old } = report;
  const rest = atOnce
    ? `the projectors of version ${version} go on from where they stood, ${behind} offsets behind`
    : `${events} events that came meanwhile were folded into them`;
  return [
    `${projection}: the old tables are live again (version ${replacedVersion} to ${version}) after ` +
    `${(report.elapsedMs / 1000).toFixed(1)} s; ${rest}.`,
    ...kept.length === 0 ? [] : [`Kept of what was added to the live tables: ${kept.join(", ")}.`],
    ...old === undefined ? [] : [`Kept in turn: ${describeOld(old)}.`],
  ].join("\n");
}
