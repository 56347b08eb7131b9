/** `explain`: where one order is, and why it is not further. Wiring comes in as functions. */
import { Command } from "commander";
import { type CustomerExplanation, isKnown } from "../app/privacy/explain_customer.ts";
import { formatCustomer } from "../app/privacy/format_customer.ts";
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
  /** The same of a customer: every place that holds the name. */
  explainCustomer(
    customer: string,
    onProgress: (line: string) => void,
  ): Promise<CustomerExplanation>;
}

/** The command, ready to be added to the program. */
export function explainCommand(actions: ExplainActions): Command {
  return new Command("explain")
    .description(
      "Show where an order is: row, outbox, partition and offset, committed or pending, invoice, dead letter, read model; " +
        "and who holds it back.",
    )
    .argument("[order]", "the order's id")
    .option("--customer <id>", "show where a customer's data is instead; changes nothing")
    .option("--json", "print one JSON document instead of text")
    .addHelpText(
      "after",
      "\nExit code 0 when the order or customer is known, 1 when it is not, 2 on trouble.",
    )
    .action(async (orderId: string | undefined, { json, customer }: ExplainArguments) => {
      if ((orderId === undefined) === (customer === undefined)) {
        throw new TypeError("Name an order, or a customer with --customer");
      }
      if (customer !== undefined) return await explainCustomer(actions, customer, json);
      if (orderId === undefined) return;
      const explanation = await actions.explain(orderId, json ? () => {} : progress);
      print(json ? jsonDocument(explanation) : formatExplanation(explanation));
      if (explanation.standing.stage !== "unknown") return;
      throw new FindingError(`order ${orderId} is unknown`);
    });
}

interface ExplainArguments {
  readonly json?: true;
  readonly customer?: string;
}

async function explainCustomer(
  actions: ExplainActions,
  customer: string,
  json: true | undefined,
): Promise<void> {
  const found = await actions.explainCustomer(customer, json ? () => {} : progress);
  print(json ? jsonDocument(found) : formatCustomer(found));
  if (!isKnown(found)) throw new FindingError(`customer ${customer} is unknown`);
}
