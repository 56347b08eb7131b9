/** `demo`: everything at once, on this machine, with the books at the end. */
import { SingleBar } from "cli-progress";
import Table from "cli-table3";
import { Command } from "commander";
import { type DemoOutcome, runDemo } from "../tools/demo/run_demo.ts";
import { runUntilSignal } from "../app/compose/run_until_signal.ts";
import { readConfig } from "../config.ts";
import { exitCodes, FindingError } from "./exit_codes.ts";
import { progress } from "./progress.ts";
import { jsonDocument } from "./json_document.ts";
import { wholeNumber } from "./number_option.ts";
import { print } from "./print.ts";

interface DemoArguments {
  readonly orders: number;
  readonly once?: true;
  readonly json?: true;
}

/** The command, ready to be added to the program. */
export function demoCommand(): Command {
  return new Command("demo")
    .description(
      "Start what is missing, run everything, place orders over HTTP (some broken, some failing at first), and check the books.",
    )
    .option("--orders <n>", "how many orders to place", wholeNumber(1, 1_000_000), 1_000)
    .option("--once", "exit when done: 0 when the books balance, 1 when not")
    .option("--json", "print one JSON document instead of a table")
    .action(async ({ orders, once, json }: DemoArguments) => {
      const config = readConfig();
      await runUntilSignal((signal) => demo(orders, once ?? false, json ?? false, signal), {
        shutdownMsMax: config.SHUTDOWN_MS_MAX,
        lateExitCode: once ? exitCodes.finding : exitCodes.good,
      });
    });
}

async function demo(
  orders: number,
  once: boolean,
  json: boolean,
  signal: AbortSignal,
): Promise<void> {
  let bar: SingleBar | undefined;
  let balanced: boolean | undefined;
  /** A line of its own: while the bar is drawn it would come behind it. */
  const say = (line: string) => {
    bar?.stop();
    bar = undefined;
    progress(line);
  };
  try {
    await runDemo(readConfig(), {
      orders,
      signal,
      onProgress: say,
      onCount({ settled }) {
        if (settled < orders) bar ??= progressBar(orders);
        bar?.update(settled);
      },
      async onBooks(outcome) {
        bar?.stop();
        balanced = outcome.books.good;
        const { url, ...rest } = outcome;
        // Nobody answers there any more when the demo has ended.
        if (json) print(jsonDocument(once ? rest : outcome));
        else print(`${describe(rest)}${once ? "" : `\nDashboard: ${url}`}`);
        if (once) return;
        progress(`Have a look at ${url} - Ctrl-C ends the demo.`);
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      },
    });
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    bar?.stop();
  }
  progress(
    `Kafka and PostgreSQL keep running, for "deno task verify" and "deno task explain".\n` +
      `"deno task stack stop" ends them.`,
  );
  if (balanced === false) throw new FindingError("the books do not balance");
  if (once && balanced === undefined) {
    progress("Stopped before the books were checked.");
    throw new FindingError("stopped before the books were checked");
  }
}

/** Only on a terminal: elsewhere it would be a heap of control characters. */
function progressBar(total: number): SingleBar | undefined {
  if (!Deno.stderr.isTerminal()) return undefined;
  const bar = new SingleBar({
    format: "settled {bar} {value}/{total} orders, {duration_formatted}",
    hideCursor: true,
    clearOnComplete: false,
  });
  bar.start(total, 0);
  return bar;
}

/** The conservation table, and the first counterexample of each kind where there is one. */
function describe({ accepted, broken, books, seconds }: Omit<DemoOutcome, "url">): string {
  const { figures } = books;
  const table = new Table({
    head: ["", "orders"],
    colAligns: ["left", "right"],
    style: { head: [] },
  });
  table.push(
    ["answered 202 in this run", accepted],
    ["placed (rows in Postgres)", figures.placed],
    ["published (on Kafka, once)", figures.announced],
    ["invoiced (once)", figures.invoiced],
    ["dead-lettered (once)", figures.dead_lettered],
    ["projected (read model)", figures.projected],
    ["lost", figures.lost],
    ["duplicated", figures.duplicated],
  );
  const foreign = `Beside them ${broken} broken records went straight to the topic in this run; ` +
    `all ${figures.foreign.records} of them so far: ${figures.foreign.dead_lettered} dead-lettered.`;
  const verdict = books.good
    ? `The books balance: everything that was placed came out once (${seconds.toFixed(1)} s).`
    : `The books do NOT balance:\n${
      books.findings.map(({ kind, count, claim, first }) =>
        `  ${kind} (${count}): violated: ${claim}; first: ${first.detail}`
      ).join("\n")
    }`;
  return `${table.toString()}\n${foreign}\n${verdict}`;
}
