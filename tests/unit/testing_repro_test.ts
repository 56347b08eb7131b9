/** `dlq repro`, run as a person runs it: what it prints is written to a file, and that test is executed. */
import { fileURLToPath } from "node:url";
import { dlqCommand } from "../../src/cli/dlq.ts";
import { FindingError } from "../../src/cli/exit_codes.ts";
import { deadLetter } from "../../src/engine/core/dead_letter.ts";
import { type InputRecord, textHeader } from "../../src/engine/core/record.ts";
import { MemoryCluster } from "../../src/engine/testing/memory_cluster.ts";
import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "../support/assert.ts";

const root = new URL("../../", import.meta.url);
const encoder = new TextEncoder();
const now = Date.UTC(2030, 0, 2);

const failed: InputRecord = {
  ...{ topic: "parcels", partition: 2, offset: 41, timestamp: now - 1_000 },
  key: Uint8Array.of(0xff, 0x00),
  value: encoder.encode('{"parcel_id":"a\u2028*/`${x}","items":0}'),
  headers: [
    textHeader("source", "scanner*/-7"),
    ["none", null],
    ["raw\u009b\u2028", Uint8Array.of(1, 2)],
    textHeader("x-redriven-for", "staging.labelling"),
  ],
};

/** Prints what `dlq repro` says of a dead letter of this record. */
async function repro(record: InputRecord, errorClass: string, recordBytesMax?: number) {
  const cluster = new MemoryCluster(3, { now });
  const reason = {
    ...{ errorClass, error: "an empty */ parcel", attempts: 1, groupId: "staging.labelling" },
  };
  const letter = deadLetter(record, reason, { topic: "dlq", partitionCount: 3, recordBytesMax });
  cluster.partition(letter).append(letter, now);
  const printed: string[] = [];
  const log = console.log;
  console.log = (text: string) => void printed.push(text);
  try {
    const command = dlqCommand({
      confirm: () => false,
      withStore: (topic = "", act) =>
        act(
          {
            ...{ log: cluster, transactions: cluster, topic },
            transactionalIdsOf: () => Promise.resolve([]),
            prepare: () => Promise.resolve(),
          },
          new AbortController().signal,
          (_deed, act) => act(),
        ),
    });
    const args = ["repro", "2/0", "--dlq", "dlq", "--flow", "./labelling.ts#labelling"];
    await command.parseAsync(args, { from: "user" });
  } finally {
    console.log = log;
  }
  return printed.join("\n");
}

/** A flow that notes what it was given, and buries it. */
const flow = (transform: string) => `
  import { defineFlow, PoisonError, bytesTopic } from "@onceflow/onceflow";
  export const labelling = defineFlow({
    name: "labelling",
    from: bytesTopic("parcels"),
    to: [],
    transform(_value, { record: { partition, offset, timestamp, key, value, headers } }) {
      const given = { partition, offset, timestamp, key: [...key], value: [...value],
        headers: headers.map(([name, bytes]) => [name, bytes && [...bytes]]) };
      Deno.writeTextFileSync(new URL("given.json", import.meta.url), JSON.stringify(given));
      ${transform}
    },
  });
`;

Deno.test("dlq repro prints a test that runs as it is, with the exact bytes, and fails once the flow is mended", async () => {
  const text = await repro(failed, "PoisonError");
  // What the record says ends no comment and no string.
  assertMatch(text, /^\/\*\*\n \* Dead letter 2\/0 of dlq, as flow staging\.labelling/);
  const dir = fileURLToPath(new URL(".onceflow", root));
  await Deno.mkdir(dir, { recursive: true });
  const directory = await Deno.makeTempDir({ dir, prefix: "repro-" });
  try {
    await Deno.writeTextFile(`${directory}/labelling_test.ts`, text);
    const run = async (transform: string) => {
      await Deno.writeTextFile(`${directory}/labelling.ts`, flow(transform));
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          "test",
          "-q",
          "--no-check",
          "--no-prompt",
          "--no-lock",
          `-W=${directory}`,
          directory,
        ],
        cwd: root,
        env: { NO_COLOR: "1" },
      }).output();
      return { code, said: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
    };
    const asItIs = await run(`throw new PoisonError("an empty parcel cannot be sent");`);
    assertEquals(asItIs.code, 0, asItIs.said);
    const list = (bytes: Uint8Array | null) => bytes && [...bytes];
    assertEquals(JSON.parse(await Deno.readTextFile(`${directory}/given.json`)), {
      ...{ partition: 2, offset: 41, timestamp: now - 1_000 },
      ...{ key: list(failed.key), value: list(failed.value) },
      headers: failed.headers.slice(0, 3).map(([name, bytes]) => [name, list(bytes)]),
    });
    const mended = await run("");
    assertEquals(mended.code, 1, mended.said);
    assertStringIncludes(mended.said, 'The dead letters of flow "labelling" are not those');
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("dlq repro refuses what does not hold the record, and what only follows another one", async () => {
  await assertRejects(
    () => repro({ ...failed, value: new Uint8Array(5_000) }, "PoisonError", 2_000),
    FindingError,
    "it does not hold all of the record",
  );
  await assertRejects(() => repro(failed, "ParkedKeyError"), FindingError, "only follows another");
});
