/** `verify`: the conservation checker. Wiring comes in as functions. */
import { Command } from "commander";
import type { ConservationReport } from "../tools/verify/check_conservation.ts";
import { formatReport } from "../tools/verify/format_report.ts";
import { FindingError } from "./exit_codes.ts";
import { progress } from "./progress.ts";
import { jsonDocument } from "./json_document.ts";
import { print } from "./print.ts";

/** What the command needs of the composition root. */
export interface VerifyActions {
  /** Opens the services, checks, closes them again. */
  check(options: {
    readonly drained: boolean;
    readonly onProgress: (line: string) => void;
  }): Promise<ConservationReport>;
}

interface VerifyArguments {
  readonly drained?: boolean;
  readonly json?: true;
}

/** The command, ready to be added to the program. */
export function verifyCommand(actions: VerifyActions): Command {
  return new Command("verify")
    .description(
      "Check that nothing was lost, doubled, invented, reordered, altered or torn, from the orders' rows to the read model. " +
        "Reads only, with Kafka's own Java client, and may run while the pipeline runs.",
    )
    .option("--drained", "the pipeline is quiet: whatever is still on its way is a finding, too")
    .option("--json", "print one JSON document instead of a table")
    .addHelpText(
      "after",
      "\nExit code 0 when the books balance, 1 with a counterexample of each kind when they do not, 2 when Kafka, " +
        "Postgres or Java cannot be reached, or there is nothing to check.",
    )
    .action(async ({ drained = false, json }: VerifyArguments) => {
      const report = await actions.check({ drained, onProgress: json ? () => {} : progress });
      print(json ? jsonDocument(report) : formatReport(report));
      if (!report.good) throw new FindingError("the books do not balance");
    });
}
