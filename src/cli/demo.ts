/** `demo`: everything at once, on this machine, with the books at the end. */
import { SingleBar } from "cli-progress";
import Table from "cli-table3";
import { Command } from "commander";
import { type DemoOutcome, runDemo } from "../tools/demo/run_demo.ts";
import { runUntilSignal } from "../app/compose/run_until_signal.ts";
import { type Config, readConfig } from "../config.ts";
import { inspectStack } from "../tools/stack/find_stack.ts";
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
      await runUntilSignal((signal) => demo(config, { orders, once, json }, signal), {
        shutdownMsMax: config.SHUTDOWN_MS_MAX,
        lateExitCode: once ? exitCodes.finding : exitCodes.good,
      });
    });
}

async function demo(
  config: Config,
  { orders, once, json }: DemoArguments,
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
    await runDemo(config, {
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
  progress(await whatIsLeft(config));
  if (balanced === false) throw new FindingError("the books do not balance");
  if (once && balanced === undefined) {
    progress("Stopped before the books were checked.");
    throw new FindingError("stopped before the books were checked");
  }
}

/** What of the services goes on without the demo. */
async function whatIsLeft(config: Config): Promise<string> {
  if (config.KAFKA_BROKERS !== undefined) {
    return "Your Kafka and Postgres keep what it has written.";
  }
  const { kafka, postgres } = await inspectStack(config.STACK_DIR);
  const running = [["Kafka", kafka], ["PostgreSQL", postgres]] as const;
  const names = running.flatMap(([name, { condition }]) => condition === "stopped" ? [] : [name]);
  if (names.length === 0) return "Kafka and PostgreSQL do not run.";
  if (names.length === 1) return `${names[0]} keeps running alone. "deno task stack stop" ends it.`;
  return `Kafka and PostgreSQL keep running, for "deno task verify" and "deno task explain".\n` +
    `"deno task stack stop" ends them.`;
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
