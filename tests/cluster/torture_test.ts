import { fileURLToPath } from "node:url";
import { jsonDocument } from "../../src/cli/json_document.ts";
import { documentIn } from "../support/json_document.ts";
import { assert, assertEquals, assertGreater } from "../support/assert.ts";
import { kafkaVersion } from "../../src/tools/stack/ensure_stack.ts";
import { runTorture } from "../../src/tools/torture/run_torture.ts";

const root = fileURLToPath(new URL("../../.onceflow", import.meta.url));

// Two schedules of a minute each: what one leaves out, the other strikes. And both protocols of transactions.
for (const [seed, transactionVersion] of [["ci", 2], ["ci-2", 0]] as const) {
  Deno.test(`a pipeline under torture loses, doubles and invents nothing, transaction.version ${transactionVersion}`, async () => {
    const directory = `${root}/torture-test-${crypto.randomUUID().slice(0, 8)}`;
    const lines: string[] = [];
    const report = await runTorture({
      ...{
        seed,
        transactionVersion,
        minutes: 1,
        calmRounds: 0,
        withoutFlowHalts: transactionVersion === 0,
        kafkaVersion,
        brokers: 1,
        guarantee: "exactly-once",
      },
      ...{ directory, cacheDirectory: `${root}/cache` },
      onProgress: (line) => lines.push(line),
      signal: AbortSignal.timeout(8 * 60_000),
    });
    // With what led to it, and where the logs are, when something was found.
    assertEquals(report.findings, [], `${lines.join("\n")}\nlogs and data: ${directory}`);
    assert(report.good);
    documentIn(jsonDocument(report));
    // Far below what a machine with nothing else to do gets through.
    assertGreater(report.faults.landed, 10);
    assertGreater(report.load.acknowledged, 100);
    await Deno.remove(directory, { recursive: true });
  });
}
