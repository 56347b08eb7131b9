/** `projection rebuild`: builds the read model anew from the log, compares it with the live one if asked, and swaps. */
import type { Command } from "commander";
import type { Comparison, RebuildProgress, RebuildReport } from "../engine/projection/mod.ts";
import { jsonDocument } from "./json_document.ts";
import { aboveZero, wholeNumber } from "./number_option.ts";
import { print } from "./print.ts";
import { progress } from "./progress.ts";
import {
  beforeSwap,
  type DiffArguments,
  StoppedBeforeSwapError,
} from "./projection_differences.ts";
import { describeOld } from "./projection_old_tables.ts";
import { showProgress } from "./projection_progress.ts";

/** What the command does, given by who knows the services. */
export interface RebuildActions {
  rebuild(options: {
    readonly allowMissingHistory: boolean;
    readonly recordsPerSecond?: number;
    readonly beforeSwap?: (comparison: Comparison) => void;
    readonly differencesMax?: number;
    readonly onProgress: (progress: RebuildProgress) => void;
  }): Promise<RebuildReport>;
  /** Asks the operator; false where there is nobody to ask. */
  confirm(question: string): boolean;
}

interface RebuildArguments extends DiffArguments {
  readonly allowMissingHistory?: boolean;
  readonly recordsPerSecond?: number;
  readonly rows: number;
}

/** Adds `rebuild`. */
export function addRebuild(command: Command, actions: RebuildActions): void {
  command.command("rebuild")
    .description(
      "Replay the topics from their start into tables beside the live ones, then swap. " +
        "Readers and workers go on meanwhile.",
    )
    .addHelpText("after", rebuildHelp)
    .option(
      "--records-per-second <number>",
      "fold no more than this many, to leave room for the roles that serve",
      aboveZero(1_000_000_000),
    )
    .option("--allow-missing-history", "rebuild although a topic has lost its oldest records")
    .option("--diff", "compare the new tables with the live ones row by row; ask where they differ")
    .option(
      "--rows <number>",
      "how many rows of each table it prints; all are counted",
      wholeNumber(0, 99_999),
      20,
    )
    .option("--yes", "do not ask, with --diff")
    .option("--stop-before-swap", "only compare: drop the new tables again, and exchange nothing")
    .option("--json", "print one JSON document")
    .action(async (given: RebuildArguments) => {
      const { json, allowMissingHistory = false, recordsPerSecond, rows } = given;
      const show = showProgress();
      try {
        const report = await actions.rebuild({
          ...{ allowMissingHistory, recordsPerSecond, onProgress: show.onProgress },
          beforeSwap: beforeSwap(given, actions.confirm, show.stop),
          differencesMax: rows,
        });
        show.stop();
        print(json ? jsonDocument(report) : describeReport(report));
      } catch (error) {
        show.stop();
        if (error instanceof StoppedBeforeSwapError) return progress(error.message);
        progress("The rebuild did not finish; the live tables are as they were.");
        throw error;
      }
    });
}

const rebuildHelp = `
The user of DATABASE_URL must own the read model's tables and may CREATE in the database and in their schema: more than
serve and worker need. What is missing is listed before anything is read.

--diff compares at one place of the log, while readers and workers go on: rows are counted, and the first of those that
differ are printed with the columns that do. Columns that only one of the two has are named, and not compared. Where
nobody can be asked and --yes is not given, differences stop it before the swap.

The tables that were live are kept until \`projection drop-old\` or the next rebuild drops them: \`projection rollback\`
puts them back.

Exit code 0: swapped, or compared and equal; 1: differences stopped it, or it halted; 2: wrong use, or a service away.`;

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
