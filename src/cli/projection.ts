/** `projection`: show how far the read model is, build it anew from the log, and go back. */
import Table from "cli-table3";
import { Command } from "commander";
import { wrapped } from "../engine/dead_letters/fit_columns.ts";
import type { ProjectionStatus } from "../engine/projection/mod.ts";
import { FindingError } from "./exit_codes.ts";
import { jsonDocument } from "./json_document.ts";
import { print } from "./print.ts";
import {
  addDropOld,
  addRollback,
  describeOld,
  type OldTablesActions,
} from "./projection_old_tables.ts";
import { addRebuild, type RebuildActions } from "./projection_rebuild.ts";

/** What the command does, given by who knows the services. */
export interface ProjectionActions extends RebuildActions, OldTablesActions {
  status(): Promise<ProjectionStatus>;
}

interface Output {
  readonly json?: true;
}

/** The command, ready to be added to the program. */
export function projectionCommand(actions: ProjectionActions): Command {
  const command = new Command("projection")
    .description("The read model (order_view, customer_totals): show it, or rebuild it.");
  command.command("status")
    .description("Show positions, lag and row counts; exit code 1 when the figures disagree.")
    .option("--json", "print one JSON document")
    .action(async ({ json }: Output) => {
      const status = await actions.status();
      print(json ? jsonDocument(status) : describeStatus(status));
      if (status.findings.length > 0) throw new FindingError("the read model is not sound");
    });
  addRebuild(command, actions);
  addRollback(command, actions);
  addDropOld(command, actions);
  return command;
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
      wrapped(
        `Old tables, for \`projection rollback\` until \`projection drop-old\`: ${
          describeOld(status.old)
        }, ${status.old.behind} offsets behind.`,
      ),
    ],
    ...status.findings.map((finding) => wrapped(`! ${finding}`, "  ")),
  ].join("\n");
}
