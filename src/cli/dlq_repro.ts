/** `dlq repro`: a test with the exact bytes of a dead letter. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { DeadLetterAddress } from "../engine/dead_letters/dead_letter_address.ts";
import { findDeadLetter } from "../engine/dead_letters/find_dead_letter.ts";
import { type FlowImport, renderRepro } from "../engine/dead_letters/render_repro.ts";
import { address, type DlqActions } from "./dlq_options.ts";
import { FindingError } from "./exit_codes.ts";
import { print } from "./print.ts";

/** Adds `repro`. */
export function addRepro(command: Command, actions: DlqActions): void {
  command.command("repro")
    .description("Print a test that gives a flow the exact bytes of one dead letter.")
    .argument("<address>", "PARTITION/OFFSET", address)
    .addOption(
      new Option("--flow <file#name>", "the flow that the test imports")
        .argParser(flowImport).default(flowImport(defaultFlow), defaultFlow),
    )
    .option("--dlq <topic>", "the dead-letter topic (default: DEAD_LETTERS_TOPIC)")
    .addHelpText("after", help)
    .action((at: DeadLetterAddress, args: { readonly flow: FlowImport; readonly dlq?: string }) =>
      actions.withStore(args.dlq, async (store, signal) => {
        const repro = renderRepro(await findDeadLetter(store, at, signal), args.flow);
        if ("refused" in repro) throw new FindingError(repro.refused);
        print(repro.text);
      })
    );
}

const help = `
The test needs no broker and passes for as long as the flow fails on this record:
  dlq repro 2/17 --flow ./labelling.ts#labelling > labelling_2_17_test.ts
  deno test labelling_2_17_test.ts`;

const defaultFlow = "./flow.ts#flow";

function flowImport(text: string): FlowImport {
  const [, module, name] = /^([^#]+)#([\p{ID_Start}$_][\p{ID_Continue}$]*)$/u.exec(text) ?? [];
  if (module !== undefined && name !== undefined) return { module, name };
  throw new InvalidArgumentError("Write FILE#NAME, as in ./flow.ts#labelling.");
}
