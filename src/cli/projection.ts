/** `projection`: show how far the read model is, and build it anew from the log. */
import { SingleBar } from "cli-progress";
import Table from "cli-table3";
import { Command } from "commander";
import type { ProjectionStatus } from "../engine/projection/projection_status.ts";
import type { RebuildProgress, RebuildReport } from "../engine/projection/rebuild_projection.ts";
import { FindingError } from "./exit_codes.ts";
import { progress } from "./progress.ts";
import { jsonDocument } from "./json_document.ts";
import { print } from "./print.ts";

/** What the command does, given by who knows the services. */
export interface ProjectionActions {
  rebuild(options: {
    readonly allowMissingHistory: boolean;
    readonly onProgress: (progress: RebuildProgress) => void;
  }): Promise<RebuildReport>;
  status(): Promise<ProjectionStatus>;
}

interface Output {
  readonly json?: true;
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
        "more than serve and worker need. What is missing is listed before anything is read.",
    )
    .option("--allow-missing-history", "rebuild although a topic has lost its oldest records")
    .option("--json", "print one JSON document")
    .action(async ({ json, allowMissingHistory }: Output & { allowMissingHistory?: true }) => {
      const bar = progressBar();
      try {
        const report = await actions.rebuild({
          allowMissingHistory: allowMissingHistory ?? false,
          onProgress: ({ offsetsDone, offsetsTotal }) => {
            bar?.setTotal(offsetsTotal);
            bar?.update(offsetsDone);
          },
        });
        bar?.stop();
        print(json ? jsonDocument(report) : describeReport(report));
      } catch (error) {
        bar?.stop();
        progress("The rebuild did not finish; the live tables are as they were.");
        throw error;
      }
    });
  return command;
}

function describeReport(report: RebuildReport): string {
  const { projection, version, replacedVersion, events, skipped, partitions } = report;
  const versions = version === replacedVersion ? "" : ` (version ${replacedVersion} to ${version})`;
  const kept = (report.kept ?? []).length === 0
    ? ""
    : `\nKept of what was added to the live tables: ${report.kept?.join(", ")}.`;
  return `${projection}${versions}: swapped in ${events} events of ${partitions} partitions ` +
    `after ${
      (report.elapsedMs / 1000).toFixed(1)
    } s; ${skipped} records held no event of it.${kept}`;
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
    ...status.findings.map((finding) => `! ${finding}`),
  ].join("\n");
}

/** Only on a terminal: elsewhere it would be a heap of control characters. */
function progressBar(): SingleBar | undefined {
  if (!Deno.stderr.isTerminal()) return undefined;
  const bar = new SingleBar({
    format: "replayed {bar} {value}/{total} offsets, {duration_formatted}",
    hideCursor: true,
  });
  bar.start(1, 0);
  return bar;
}
