/** Every command that has `--json`, on a pipeline that has worked: one document, in snake_case, whether it ends well or not. */
import type { Command } from "commander";
import { programWithCommands } from "../../src/cli/run_cli.ts";
import { freePort } from "../../src/tools/stack/ports.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { documentIn } from "../support/json_document.ts";
import { freshDatabase, root, services } from "../support/services.ts";

const namespace = `json-${crypto.randomUUID().slice(0, 8)}`;
const [orders, customer] = [`${namespace}.orders`, "nobody"];

/** What stands behind the command, one line a run; in this order, on what the demonstration has left. */
const runs: Readonly<Record<string, readonly string[]>> = {
  "migrate": ["--check", ""],
  "demo": ["--once --orders 20"],
  "doctor": ["--timeout 5"],
  "verify": ["--drained"],
  "explain": [`--customer ${customer}`],
  // Before something is redriven, which nobody projects: a comparison would wait for it.
  "projection status": [""],
  "projection rebuild": ["--stop-before-swap", "--diff --yes"],
  "projection rollback": [""],
  "projection drop-old": ["", "--yes"],
  "dlq list": ["--limit 2", "--pending"],
  "dlq groups": [""],
  "dlq show": ["0/0", "0/999"],
  "dlq parked": [""],
  "dlq unpark": ["no-key", "--all"],
  "dlq redrive": ["--dry-run", "0/999", "0/0"],
  "records read": [`${orders} --max 3`, "no-such-topic"],
  "records write": [`${orders} --key order_id`],
  "worker offsets show": [""],
  "worker offsets set": [`--topic ${orders} --partition 0 --to earliest --yes`],
  "worker transactions": [""],
  "privacy erase": [`--customer ${customer} --reference R-1 --yes`],
  "worker audit": ["--limit 3"],
  "schema check": [""],
  "bench": ["--report-from .onceflow/json/report.json --out .onceflow/json"],
  "stack status": [""],
  "stack stop": [""],
  "stack reset": [""],
};

/** Those that take too long here, and the test that looks at their document. */
const elsewhere: Readonly<Record<string, string>> = {
  "stack": "tests/cluster/stack_test.ts",
  "torture": "tests/cluster/torture_test.ts",
};

Deno.test("--json prints one document in snake_case, and nothing else, for every command that has it", async (t) => {
  await using stack = new AsyncDisposableStack();
  const { kafkaBrokers } = await services();
  const { url } = stack.use(await freshDatabase());
  const env = {
    ...{ KAFKA_BROKERS: kafkaBrokers.join(","), DATABASE_URL: url, NAMESPACE: namespace },
    ...{ TOPIC_PARTITIONS: "1", TOPIC_REPLICATION_FACTOR: "1", RETRY_BACKOFF_MS: "10" },
    HTTP_PORT: String(freePort()),
  };
  await Deno.mkdir(`${root}.onceflow/json`, { recursive: true });
  await Deno.writeTextFile(`${root}.onceflow/json/report.json`, JSON.stringify(report));

  await t.step("none is forgotten", async () => {
    const known = [...Object.keys(runs), ...Object.keys(elsewhere)];
    assertEquals(withJson(programWithCommands()).toSorted(), known.toSorted());
    for (const file of Object.values(elsewhere)) {
      assertMatch(await Deno.readTextFile(`${root}${file}`), /documentIn\(/);
    }
  });

  await t.step("on services that are there", async () => {
    const lines = Object.entries(runs).flatMap(([name, all]) =>
      all.map((more) => [...words(name), "--json", ...words(more)])
    );
    const ofStack = ([first]: readonly string[]) => first === "stack";
    const ended = [
      ...await run(lines.filter((line) => !ofStack(line)), env),
      ...await run(lines.filter(ofStack), { STACK_DIR: ".onceflow/json" }),
    ];
    const told = new Set<string>();
    for (const { args, code, stdout } of ended) {
      const document = documentIn(stdout);
      if (isError(document)) {
        assertEquals(document.exit_code, code, args.join(" "));
        assert(code > 0, args.join(" "));
      } else told.add(args.slice(0, args.indexOf("--json")).join(" "));
    }
    const silent = Object.keys(runs).filter((name) => !told.has(name));
    assertEquals(silent, [], JSON.stringify(ended, null, 2));
  });

  await t.step("with a word that is wrong, and with nobody there", async () => {
    const wrong = withJson(programWithCommands()).map((name) => [
      ...[...words(name), "--json", "--no-such-option"],
    ]);
    const nobody = { DATABASE_URL: `postgres://nobody@127.0.0.1:${freePort()}/none` };
    const away = [["projection", "status", "--json"], ["worker", "audit", "--json"]];
    const ended = [...await run(wrong, env), ...await run(away, { ...env, ...nobody })];
    for (const { args, code, stdout } of ended) {
      assertEquals(code, 2, args.join(" "));
      const document = documentIn(stdout);
      assert(isError(document) && document.exit_code === 2, stdout);
    }
  });
});

function isError(document: unknown): document is { error: string; exit_code: number } {
  return typeof document === "object" && document !== null && "exit_code" in document;
}

function words(text: string): string[] {
  return text.split(" ").filter((word) => word !== "");
}

/** `dlq list` and the like: each command of the program that has `--json`. */
function withJson(command: Command, path: readonly string[] = []): string[] {
  const own = command.options.some(({ long }) => long === "--json") ? [path.join(" ")] : [];
  return [...own, ...command.commands.flatMap((one) => withJson(one, [...path, one.name()]))];
}

interface Ended {
  readonly args: readonly string[];
  readonly code: number;
  readonly stdout: string;
}

async function run(lines: readonly string[][], env: Record<string, string>): Promise<Ended[]> {
  const script = "tests/integration/json_documents_process.ts";
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", "--no-check", "-P=onceflow", script],
      JSON.stringify(lines),
    ],
    ...{ cwd: root, env, stdin: "null" },
  }).output();
  const [printed, told] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  const ended = (printed ?? "").split("\n").filter((line) => line !== "");
  assertEquals(ended.length, lines.length, told);
  return ended.map((line) => JSON.parse(line));
}

/** As `bench` writes one. */
const report = {
  ...{ format: "onceflow-bench-1", started_at: "2026-01-31T12:00:00.000Z", seconds: 12 },
  ...{ size: "quick", command: "deno task bench --quick", environment: {} },
  sections: [{
    ...{ name: "drain", title: "Drain", about: "", command: "", plots: [], notes: [], seconds: 3 },
    figures: [],
  }],
};
