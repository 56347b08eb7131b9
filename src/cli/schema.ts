/** `schema`: may the events change as they have, and note those that were released. */
import { Command } from "commander";
import { checkSchemas, released, type SchemaReport } from "../tools/schemas/check_schemas.ts";
import { currentSchemas, readReleases, releasesFile } from "../tools/schemas/event_schemas.ts";
import { invoiceIssuedType, orderPlacedType } from "../app/orders/events.ts";
import { readConfig } from "../config.ts";
import { version } from "../engine/version.ts";
import { asyncApi } from "../tools/schemas/async_api.ts";
import { FindingError } from "./exit_codes.ts";
import { jsonDocument } from "./json_document.ts";
import { print } from "./print.ts";

/** The command, ready to be added to the program. */
export function schemaCommand(): Command {
  const command = new Command("schema")
    .description("The schemas of the events: what may change, and what was released.")
    .addHelpText("after", help);
  command.command("check")
    .description("Compare with the released schemas; exit code 1 when a change breaks somebody.")
    .option("--json", "print one JSON document")
    .action(async ({ json }: { readonly json?: true }) => {
      const report = checkSchemas(currentSchemas(), await readReleases());
      print(json ? jsonDocument(report) : describe(report));
      if (report.findings.length > 0) throw new FindingError("a schema breaks readers or writers");
    });
  command.command("release")
    .description("Record this program's schemas as released, for later checks. Commit the file.")
    .action(async () => {
      const [current, releases] = [currentSchemas(), await readReleases()];
      const report = checkSchemas(current, releases);
      if (report.findings.length > 0) {
        print(describe(report));
        throw new FindingError("nothing was recorded: a schema breaks readers or writers");
      }
      await Deno.writeTextFile(
        releasesFile,
        `${JSON.stringify(released(current, releases), null, 2)}\n`,
      );
      print(
        report.changed.length === 0
          ? "Nothing has changed since the last release."
          : `Released: ${report.changed.join(", ")}. Commit src/app/orders/released_schemas.json.`,
      );
    });
  command.command("asyncapi")
    .description("Print the topics and their events as an AsyncAPI 3.0 document (JSON).")
    .action(() => {
      const { ORDERS_TOPIC, INVOICES_TOPIC } = readConfig();
      print(JSON.stringify(
        asyncApi({
          version,
          schemas: currentSchemas(),
          topics: [{
            topic: ORDERS_TOPIC,
            event: orderPlacedType,
            description: "An order was placed. Others may write orders here, too.",
          }, {
            topic: INVOICES_TOPIC,
            event: invoiceIssuedType,
            description: "An order was invoiced: one invoice for each order.",
          }],
        }),
        null,
        2,
      ));
    });
  return command;
}

const help = `
A record stays on its topic for good, and programs of two releases run side by side during an upgrade. So what this program
reads must take what every release has written, and what it writes must be taken by what every release reads.
Fields may be added (with a default where they are read) and enums may be widened. Checks in code, such as whether a currency
exists, are in no schema and are not compared.`;

const waysOut = `
Two ways out: keep the field as it was and add another beside it, with a default where it is read; or publish the new
shape on a topic of its own (orders.v2), and read both until nobody writes the old one.`;

function describe({ findings, changed }: SchemaReport): string {
  if (findings.length === 0) {
    return changed.length === 0
      ? "The schemas are those of the last release."
      : `Changed, and nobody is broken by it: ${changed.join(", ")}. ` +
        `When it is released, run: deno task schema release`;
  }
  const lines = findings.map(({ event, breaks, version, reason }) =>
    breaks === "writers"
      ? `${event}: this program cannot read what version ${version} has written: ${reason}`
      : `${event}: programs of version ${version} cannot read what this one writes: ${reason}`
  );
  return `${lines.join("\n")}\n${waysOut}`;
}
