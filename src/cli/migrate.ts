/** `migrate`: make and change the tables, apart from the programs that use them. */
import { Command } from "commander";
import type { SchemaReport } from "../app/compose/prepare_schema.ts";
import { FindingError } from "./exit_codes.ts";
import { jsonDocument } from "./json_document.ts";
import { print } from "./print.ts";

/** What the command does, given by who knows the services. */
export interface MigrateActions {
  /** What is missing; changes nothing. */
  missing(): Promise<readonly string[]>;
  migrate(): Promise<SchemaReport>;
}

interface MigrateArguments {
  readonly check?: true;
  readonly json?: true;
}

/** The command, ready to be added to the program. */
export function migrateCommand(actions: MigrateActions): Command {
  return new Command("migrate")
    .description("Bring the schema in Postgres up to date: the outbox, the orders, the read model.")
    .option("--check", "only say what is missing; exit code 1 when something is")
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      "\nThe user of DATABASE_URL must own the schema, or may CREATE in it. serve and worker migrate as well where their user\n" +
        "may; after this they need SELECT, INSERT, UPDATE and DELETE on the tables, USAGE and SELECT on the sequence, EXECUTE\n" +
        "on the functions and USAGE on the schema: src/rights.md leads to the statements. `projection rebuild` makes tables, too.",
    )
    .action(async ({ check, json }: MigrateArguments) => {
      if (check) {
        const missing = await actions.missing();
        print(json ? jsonDocument({ missing }) : describeMissing(missing));
        if (missing.length > 0) throw new FindingError("the schema is not up to date");
        return;
      }
      const report = await actions.migrate();
      print(json ? jsonDocument(report) : describeReport(report));
    });
}

function describeMissing(missing: readonly string[]): string {
  return missing.length === 0 ? "The schema is up to date." : `Missing: ${missing.join(", ")}`;
}

function describeReport({ applied, viewsMade, staleVersion }: SchemaReport): string {
  const made = [...applied, ...viewsMade ? ["the tables of the read model"] : []];
  return [
    made.length === 0 ? "The schema was up to date." : `Made: ${made.join(", ")}`,
    ...staleVersion === undefined
      ? []
      : [`The read model is of version ${staleVersion}; run: deno task projection rebuild`],
  ].join("\n");
}
