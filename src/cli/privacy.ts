/** `privacy erase`: takes one customer's name off what can be changed, and says what cannot. Wiring comes in as functions. */
import { Command } from "commander";
import type { ErasedRows } from "../app/orders/erase_customer.ts";
import type { CustomerExplanation } from "../app/privacy/explain_customer.ts";
import { formatCustomer } from "../app/privacy/format_customer.ts";
import { askFirst } from "./ask_first.ts";
import { jsonDocument } from "./json_document.ts";
import { print } from "./print.ts";
import { progress } from "./progress.ts";

/** What the command needs of the composition root. */
export interface PrivacyActions {
  /** Where the customer's name stands. */
  explain(customer: string): Promise<CustomerExplanation>;
  /** Erases, with a note of it in the audit log, which holds the reference and not the customer. */
  erase(customer: string, reference: string): Promise<ErasedRows>;
  /** Asks the operator; false where there is nobody to ask. */
  confirm(question: string): boolean;
}

interface EraseArguments {
  readonly customer: string;
  readonly reference: string;
  readonly yes?: true;
  readonly json?: true;
}

/** The command, ready to be added to the program. */
export function privacyCommand(actions: PrivacyActions): Command {
  const command = new Command("privacy").description("Personal data: erase a customer.");
  command.command("erase")
    .description(
      "Put a pseudonym in the place of one customer, in orders, idempotency keys and the read model; the amounts stay. " +
        "Says what the topics keep, and how long.",
    )
    .requiredOption("--customer <id>", "the user_id of the orders")
    .option("--reference <text>", "written to the audit log, which does not name the customer", "")
    .option("--yes", "do not ask")
    .option("--json", "print one JSON document")
    .addHelpText("after", help)
    .action(async ({ customer, reference, yes, json }: EraseArguments) => {
      const before = await actions.explain(customer);
      if (!json) print(formatCustomer(before));
      askFirst("Erase it? This cannot be undone.", { yes, confirm: actions.confirm });
      const erased = await actions.erase(customer, reference);
      const left = await actions.explain(customer);
      if (json) return print(jsonDocument({ erased, left }));
      print(`${sentence(erased)}\n\nWhat is left:\n${formatCustomer(left)}`);
      if (left.topics.some(({ records, goneBy }) => records > 0 && goneBy === null)) {
        progress(
          "Records of a topic cannot be changed: src/deploy/personal_data.md says what can be done about them.",
        );
      }
    });
  return command;
}

const help = `
It is one transaction: what is interrupted has changed nothing or all of it, and is simply run again. Run a second time it
finds nothing. Orders that the customer places later are new ones, and stay. "explain --customer" shows the same list and
changes nothing. "verify" and "projection rebuild" know the erased orders (table erased_orders). The user of DATABASE_URL
must own the tables. Stop programs of a release before this one first: their projector does not know the list.`;

function sentence({ pseudonym, orders, view, idempotencyKeys }: ErasedRows): string {
  if (pseudonym === undefined) return "Nothing in Postgres was there to be erased.";
  return `Erased: ${orders} order(s), ${view} row(s) of the read model, ${idempotencyKeys} answer(s) of idempotency ` +
    `keys. ${pseudonym} stands in the place of the customer.`;
}
