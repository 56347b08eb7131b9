/** What commands print for people fits a terminal of 100 columns, whatever its own width; and how empty options are answered. */
import process from "node:process";
import type { Command } from "commander";
import { auditCommand } from "../../src/cli/audit.ts";
import { programWithCommands, runCli } from "../../src/cli/run_cli.ts";
import { columnsOf } from "../../src/engine/dead_letters/fit_columns.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";

const tooWide = (text: string) => text.split("\n").filter((line) => columnsOf(line) > 100);

Deno.test("the help of every command fits 100 columns", () => {
  let text = "";
  const program = programWithCommands((part) => void (text += part));
  const seen: string[] = [];
  const look = (command: Command, path: string) => {
    text = "";
    command.outputHelp();
    seen.push(path);
    assert(text.length > 100, path);
    assertEquals([path, tooWide(text)], [path, []]);
    for (const child of command.commands) look(child, `${path} ${child.name()}`);
  };
  look(program, "onceflow");
  assert(seen.includes("onceflow worker offsets set") && seen.length >= 40, seen.join(", "));
});

Deno.test("worker audit fits 100 columns, and has all that was noted", async () => {
  const { log } = console;
  let said = "";
  console.log = (text: string) => void (said += text);
  const reason = `Cannot roll back order_views: ${
    "no old tables are kept; ".repeat(20)
  }and that is all`;
  try {
    const noted = {
      ...{ id: 1, deed: "d", at: new Date(0), operator: "ada", databaseUser: "onceflow" },
      ...{
        action: "dlq redrive",
        target: "orders.DLQ",
        detail: { addresses: Array(90).fill("2/17") },
      },
      ...{ outcome: "failed" as const, reason, ended: true },
    };
    const command = auditCommand({ read: () => Promise.resolve([noted]) });
    await command.parseAsync([], { from: "user" });
  } finally {
    console.log = log;
  }
  assertEquals(tooWide(said), []);
  assertStringIncludes(
    said,
    "1970-01-01T00:00:00.000Z  ada  dlq redrive of orders.DLQ  failed\n  {",
  );
  assertStringIncludes(said.replaceAll(/\s+/g, " "), reason.replaceAll(/\s+/g, " "));
});

Deno.test("an option that was given an empty value is refused before anything is done, also where it would mean all", async () => {
  for (
    const args of [
      ["worker", "offsets", "show", "--group", ""],
      ["worker", "transactions", "--topic="],
      ["dlq", "redrive", "--class", ""],
      ["explain", "--customer", ""],
    ]
  ) {
    let said = "";
    const stderr = process.stderr.write;
    process.stderr.write = (text: string | Uint8Array) => (said += text, true);
    try {
      assertEquals(await runCli(args), 2);
    } finally {
      process.stderr.write = stderr;
    }
    assertStringIncludes(said, "is empty. Give it a value, or leave it out.");
  }
});
