/** `torture`: faults against a pipeline of its own, ending in the books. */
import { join, resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import Table from "cli-table3";
import { type Guarantee, guarantees, readConfig } from "../config.ts";
import { kafkaVersion } from "../tools/stack/ensure_stack.ts";
import { endLeftBehind } from "../tools/torture/left_behind.ts";
import { runTorture } from "../tools/torture/run_torture.ts";
import type { TortureReport } from "../tools/torture/summary.ts";
import { FindingError } from "./exit_codes.ts";
import { progress } from "./progress.ts";
import { jsonDocument } from "./json_document.ts";
import { aboveZero } from "./number_option.ts";
import { print } from "./print.ts";

interface TortureArguments {
  readonly seed: string;
  readonly minutes: number;
  readonly kafka: string;
  readonly transactionVersion?: number;
  readonly brokers: 1 | 3;
  readonly ownController?: true;
  readonly only?: string;
  readonly guarantee: Guarantee;
  readonly json?: true;
}

const whatStrikes = `Faults that the pipeline must come back from by itself, drawn from the seed:
  processes killed at any moment and at named points, frozen, restarted
  requests and answers to Kafka lost, held back, silent; connections cut
  a black hole between one process and Postgres, also one that its sessions do not outlive
  brokers and Postgres killed, frozen, restarted; leaders moved; sessions ended; long writers
  permission on a topic, a group or the transactional ids taken away and given back
  a topic's largest batch made smaller, the database's settings unusual, partitions added
One of its flows keeps state in a topic that is compacted meanwhile, held against what its input says.
At the end, what must halt a process, with the way on that its message names:
  a group that somebody else moved, a topic recreated, a log replaced, a database restored`;

/** The command, ready to be added to the program. */
export function tortureCommand(): Command {
  return new Command("torture")
    .description(
      "Run a pipeline on a Kafka and Postgres of its own under load and faults, drain it, and check the books.",
    )
    .option("--seed <text>", "draw the same faults again", newSeed())
    .option("--minutes <number>", "how long faults strike", aboveZero(24 * 60), 5)
    .option(
      "--kafka <version>",
      "the version of Kafka to run; it must pass on 3.9.1, 4.2.2, 4.3.1 and 4.4.0",
      parseVersion,
      kafkaVersion,
    )
    .option(
      "--transaction-version <level>",
      "the cluster's transaction.version, 0 to 2 (default: the release's own)",
      parseTransactionVersion,
    )
    .option("--brokers <count>", "how many brokers: 1 or 3", parseBrokers, 1)
    .option(
      "--own-controller",
      "a lone broker is its own controller: 4.3 and 4.4 can forget transactions then",
    )
    .option("--only <text>", 'strike only with faults whose name holds this, such as "broker"')
    .addOption(
      new Option("--guarantee <guarantee>", "what the flows guarantee")
        .choices(guarantees).default(guarantees[0]),
    )
    .option("--json", "print one JSON document")
    .addHelpText("after", `\n${whatStrikes}`)
    .action(async ({ json, ...options }: TortureArguments) => {
      const config = readConfig();
      progress(`seed ${options.seed}`);
      const parent = resolve(config.STACK_DIR);
      await endLeftBehind(parent);
      const directory = join(parent, `torture-${Deno.pid}`);
      const startedAt = new Date().toISOString();
      const stop = new AbortController();
      const onSignal = () => stop.abort(new DOMException("Stopped by a signal", "AbortError"));
      Deno.addSignalListener("SIGINT", onSignal);
      Deno.addSignalListener("SIGTERM", onSignal);
      try {
        const report = await runTorture({
          ...options,
          kafkaVersion: options.kafka,
          directory,
          cacheDirectory: join(parent, "cache"),
          onProgress: progress,
          signal: stop.signal,
        });
        await keepReport(parent, startedAt, report);
        print(json ? jsonDocument(report) : tableOf(report));
        if (!report.good) {
          progress(`logs and data are in ${directory}`);
          throw new FindingError(`${report.findings.length} findings`);
        }
        await Deno.remove(directory, { recursive: true });
      } finally {
        Deno.removeSignalListener("SIGINT", onSignal);
        Deno.removeSignalListener("SIGTERM", onSignal);
      }
    });
}

/** For whoever looks later, the live page among them. */
async function keepReport(parent: string, startedAt: string, report: TortureReport): Promise<void> {
  const file = join(parent, "torture", `torture-${startedAt.replaceAll(/[:.]/g, "-")}.json`);
  await Deno.mkdir(join(parent, "torture"), { recursive: true });
  await Deno.writeTextFile(file, jsonDocument(report));
  progress(file);
}

function newSeed(): string {
  return crypto.getRandomValues(new Uint8Array(4)).toHex();
}

function parseVersion(text: string): string {
  if (/^\d+\.\d+\.\d+$/.test(text)) return text;
  throw new InvalidArgumentError("Give a version of Kafka, such as 3.9.1.");
}

function parseTransactionVersion(text: string): number {
  if (/^[012]$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Give 0, 1 or 2; 2 is the protocol of KIP-890.");
}

function parseBrokers(text: string): 1 | 3 {
  if (text === "1") return 1;
  if (text === "3") return 3;
  throw new InvalidArgumentError("Give 1 or 3.");
}

function tableOf(report: TortureReport): string {
  const { faults, load, transactions, unknown_outcomes, forgotten, recovery, findings } = report;
  const kinds = new Table({ head: ["fault", "landed", "missed", "median ms", "max ms"] });
  for (const [kind, { landed, missed }] of Object.entries(faults.by_kind)) {
    const back = recovery.by_kind[kind];
    kinds.push([kind, landed, missed, back?.median_ms ?? "", back?.max_ms ?? ""]);
  }
  kinds.push([
    "all",
    faults.landed,
    faults.planned - faults.landed,
    recovery.median_ms,
    recovery.max_ms,
  ]);
  const lines = [
    kinds.toString(),
    `orders acknowledged ${load.acknowledged}, numbered events ${load.numbered}`,
    `transactions ${Object.entries(transactions).map(([role, n]) => `${role} ${n}`).join(", ")}`,
    `unknown outcomes: ${unknown_outcomes.committed} resolved as committed, ` +
    `${unknown_outcomes.aborted} as aborted`,
    `forgotten by Kafka, and ended by proof: ${forgotten.commit} by commit, ${forgotten.abort} by abort`,
    `findings: ${findings.length}`,
    ...findings.map(({ kind, detail }) => `  ${kind}: ${detail}`),
    `seed ${report.seed}`,
  ];
  return lines.join("\n");
}
