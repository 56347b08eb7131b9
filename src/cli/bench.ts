/** `bench`: the guarantees side by side, with a report. Wiring comes in as functions. */
import { resolve } from "node:path";
import { SingleBar } from "cli-progress";
import { Command, InvalidArgumentError, Option } from "commander";
import { formatReport } from "../tools/bench/format_report.ts";
import { sectionNames, type Size } from "../tools/bench/plan.ts";
import type { BenchReport } from "../tools/bench/report.ts";
import type { BenchOptions } from "../tools/bench/run_bench.ts";
import { prepareDirectory, readReport, writeReport } from "./bench_files.ts";
import { progress } from "./progress.ts";
import { jsonDocument } from "./json_document.ts";
import { wholeNumber } from "./number_option.ts";
import { print } from "./print.ts";

/** What the command needs of the composition root. */
export interface BenchActions {
  /** Finds or starts the services and measures. The signal is the composition root's. */
  run(options: Omit<BenchOptions, "signal">): Promise<BenchReport>;
  /** Where reports go unless `--out` says otherwise. */
  readonly directory: () => string;
}

interface BenchArguments {
  readonly quick?: true;
  readonly full?: true;
  readonly only?: BenchOptions["only"];
  readonly peers?: true;
  readonly records?: number;
  readonly rounds?: number;
  readonly against?: string;
  readonly out?: string;
  readonly reportFrom?: string;
  readonly json?: true;
}

const parts = [...sectionNames, "peers"] as const;

/** The command, ready to be added to the program. */
export function benchCommand(actions: BenchActions): Command {
  return new Command("bench")
    .description(
      "Measure exactly-once against at-least-once and at-most-once: throughput, latency, crashes, HTTP, relay, projector, " +
        "memory. Ends with tables, a JSON file and one self-contained HTML page.",
    )
    .addOption(new Option("--quick", "some two minutes on a quiet machine").conflicts("full"))
    .option("--full", "under thirty minutes, with a ten-minute soak")
    .option("--only <parts>", `some of ${parts.join(", ")}`, parseParts)
    .option(
      "--peers",
      "other clients side by side; needs Go, Maven and Python, and skips what is missing",
    )
    .option("--records <n>", "records of each drain", wholeNumber(1, 10_000_000))
    .option("--rounds <n>", "rounds that count, after one that warms up", wholeNumber(1, 1_000))
    .option("--against <file>", "compare with an earlier JSON file")
    .option("--out <directory>", "where the JSON file and the page go")
    .addOption(
      new Option("--report-from <file>", "measure nothing: tables and page again from a JSON file")
        .conflicts(["quick", "full", "only", "peers", "records", "rounds"]),
    )
    .option("--json", "print the JSON document instead of tables")
    .addHelpText(
      "after",
      "\nMeasures on the embedded stack, or on your own cluster where KAFKA_BROKERS and DATABASE_URL are set; topics and " +
        "groups are its own and are deleted at the end. Needs a JDK: outputs are read back by Kafka's own client.",
    )
    .action(async (given: BenchArguments) => {
      const directory = resolve(given.out ?? actions.directory());
      await prepareDirectory(directory);
      const earlier = given.against === undefined ? undefined : await readReport(given.against);
      const report = given.reportFrom === undefined
        ? await measure(actions, given)
        : await readReport(given.reportFrom);
      const files = await writeReport(report, earlier, directory);
      print(given.json ? jsonDocument(report) : formatReport(report, earlier));
      progress(`${files.json}\n${files.html}`);
    });
}

async function measure(actions: BenchActions, given: BenchArguments): Promise<BenchReport> {
  const bar = partsBar();
  return await actions.run({
    size: sizeOf(given),
    only: given.only,
    peers: given.peers ?? given.only?.includes("peers") ?? false,
    records: given.records,
    rounds: given.rounds,
    onProgress: (line) => bar ? bar.update({ line }) : progress(line),
    onPart(done, of) {
      bar?.setTotal(of);
      bar?.update(done);
    },
  }).finally(() => bar?.stop());
}

function sizeOf({ quick, full }: BenchArguments): Size {
  if (quick) return "quick";
  return full ? "full" : "default";
}

interface Bar {
  update(value: number | { line: string }): void;
  setTotal(total: number): void;
  stop(): void;
}

/** Only on a terminal: elsewhere progress is lines. */
function partsBar(): Bar | undefined {
  if (!Deno.stderr.isTerminal()) return undefined;
  const bar = new SingleBar({
    format: "{bar} part {value} of {total}, {duration_formatted}  {line}",
    hideCursor: true,
    barsize: 20,
  });
  bar.start(sectionNames.length, 0, { line: "" });
  return bar;
}

function parseParts(text: string): (typeof parts)[number][] {
  return text.split(",").map((word) => {
    const part = parts.find((candidate) => candidate === word.trim());
    if (part) return part;
    throw new InvalidArgumentError(`"${word}" is not one of ${parts.join(", ")}.`);
  });
}
