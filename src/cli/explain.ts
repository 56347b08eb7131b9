/** `explain`: where one order is, and why it is not further. Wiring comes in as functions. */
import { Command } from "commander";
import type { OrderExplanation } from "../tools/verify/explain_order.ts";
import { formatExplanation } from "../tools/verify/format_explanation.ts";
import { FindingError } from "./exit_codes.ts";
import { progress } from "./progress.ts";
import { jsonDocument } from "./json_document.ts";
import { print } from "./print.ts";

/** What the command needs of the composition root. */
export interface ExplainActions {
  /** Opens the services, gathers what is known of the order, closes them again. */
  explain(orderId: string, onProgress: (line: string) => void): Promise<OrderExplanation>;
}

/** The command, ready to be added to the program. */
export function explainCommand(actions: ExplainActions): Command {
  return new Command("explain")
    .description(
      "Show where an order is: row, outbox, partition and offset, committed or pending, invoice, dead letter, read model; " +
        "and who holds it back.",
    )
    .argument("<order>", "the order's id")
    .option("--json", "print one JSON document instead of text")
    .addHelpText("after", "\nExit code 0 when the order is known, 1 when it is not, 2 on trouble.")
    .action(async (orderId: string, { json }: { readonly json?: true }) => {
      const explanation = await actions.explain(orderId, json ? () => {} : progress);
      print(json ? jsonDocument(explanation) : formatExplanation(explanation));
      if (explanation.standing.stage !== "unknown") return;
      throw new FindingError(`order ${orderId} is unknown`);
    });
}
