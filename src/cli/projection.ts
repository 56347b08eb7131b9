/** `projection`: show how far the read model is, build it anew from the log, and go back. */
import Table from "cli-table3";
import { Command, InvalidArgumentError } from "commander";
import type { ProjectionStatus, RebuildProgress, RebuildReport } from "../engine/projection/mod.ts";
import { FindingError } from "./exit_codes.ts";
import { progress } from "./progress.ts";
import { jsonDocument } from "./json_document.ts";
import { print } from "./print.ts";
import {
  addDropOld,
  addRollback,
  describeOld,
  type OldTablesActions,
} from "./projection_old_tables.ts";
import { showProgress } from "./projection_progress.ts";

/** What the command does, given by who knows the services. */
export interface ProjectionActions extends OldTablesActions {
  rebuild(options: {
    readonly allowMissingHistory: boolean;
    readonly recordsPerSecond?: number;
    readonly onProgress: (progress: RebuildProgress) => void;
  }): Promise<RebuildReport>;
  status(): Promise<ProjectionStatus>;
}

interface Output {
  readonly json?: true;
}

interface RebuildArguments extends Output {
  readonly allowMissingHistory?: boolean;
  readonly recordsPerSecond?: number;
}

function aboveZero(text: string): number {
  const number = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && number > 0) return number;
  throw new InvalidArgumentError("It is a number above 0.");
}

/** The command, ready to be added to the program. */
export function projectionCommand(actions: ProjectionActions): Command {
  const command = new Command("projection")
    .description("The read model (order_view, customer_totals): show it, or build it anew.");
  command.command("status")
    .description("Show positions, lag and row counts; exit code 1 when the figures disagree.")
    .option("--json", "print one JSON document")
    .action(async ({ json }: Output) => {
      const status = await actions.status();
      print(json ? jsonDocument(status) : describeStatus(status));
      if (status.findings.length > 0) throw new FindingError("the read model is not sound");
    });
  command.command("rebuild")
    .description(
      "Replay the topics from their start into tables beside the live ones, then swap. " +
        "Readers and workers go on meanwhile.",
    )
    .addHelpText(
      "after",
      "\nThe user of DATABASE_URL must own the read model's tables and may CREATE in the database and in their schema:\n" +
        "more than serve and worker need. What is missing is listed before anything is read.\n" +
        "The tables that were live are kept until `projection drop-old` or the next rebuild drops them: `projection rollback`\n" +
        "puts them back.",
    )
    .option(
      "--records-per-second <number>",
      "fold no more than so many, to leave room for those who serve",
      aboveZero,
    )
    .option("--allow-missing-history", "rebuild although a topic has lost its oldest records")
    .option("--json", "print one JSON document")
    .action(async ({ json, allowMissingHistory = false, recordsPerSecond }: RebuildArguments) => {
      const show = showProgress();
      const { onProgress } = show;
      try {
        const report = await actions.rebuild({ allowMissingHistory, recordsPerSecond, onProgress });
        show.stop();
        print(json ? jsonDocument(report) : describeReport(report));
      } catch (error) {
        show.stop();
        progress("The rebuild did not finish; the live tables are as they were.");
        throw error;
      }
    });
  addRollback(command, actions);
  addDropOld(command, actions);
  return command;
}

function describeReport(report: RebuildReport): string {
  const { projection, version, replacedVersion, events, skipped, partitions } = report;
  const versions = version === replacedVersion ? "" : ` (version ${replacedVersion} to ${version})`;
  const kept = (report.kept ?? []).length === 0
    ? ""
    : `\nKept of what was added to the live tables: ${report.kept?.join(", ")}.`;
  const old = report.old === undefined
    ? ""
    : `\nKept for \`projection rollback\`: ${describeOld(report.old)}.`;
  const dropped = report.dropped === undefined
    ? ""
    : `\nDropped, as an earlier rebuild had kept them: ${describeOld(report.dropped)}.`;
  return `${projection}${versions}: swapped in ${events} events of ${partitions} partitions ` +
    `after ${
      (report.elapsedMs / 1000).toFixed(1)
    } s; ${skipped} records held no event of it.${kept}${old}${dropped}`;
}

function describeStatus(status: ProjectionStatus): string {
  const partitions = new Table({
    head: ["partition", "position", "end", "lag", "updated"],
    colAligns: ["left", "right", "right", "right", "left"],
    style: { head: [], border: [], compact: true },
  });
  for (const { topic, partition, position, end, lag, updatedAt } of status.partitions) {
    partitions.push([`${topic}-${partition}`, position, end, lag, updatedAt ?? "never"]);
  }
  const figures = new Table({
    head: ["figure", "here", "there"],
    colAligns: ["left", "right", "right"],
    style: { head: [], border: [], compact: true },
  });
  for (const { name, rows } of status.tables) figures.push([`rows of ${name}`, rows, ""]);
  for (const { name, left, right } of status.checks) figures.push([name, left, right]);
  const rebuilt = status.rebuiltAt === undefined ? "" : `, rebuilt ${status.rebuiltAt}`;
  return [
    `${status.projection}, version ${
      status.installedVersion ?? "none"
    }${rebuilt}, lag ${status.lag}`,
    partitions.toString(),
    figures.toString(),
    ...status.old === undefined ? [] : [
      `Old tables, for \`projection rollback\` until \`projection drop-old\`: ${
        describeOld(status.old)
      }, ${status.old.behind} offsets behind.`,
    ],
    ...status.findings.map((finding) => `! ${finding}`),
  ].join("\n");
}
