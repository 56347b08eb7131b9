/** The parts of the stack that need no service: settings, versions, waits, conversations, records. */
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { brokerProperties } from "../../src/tools/stack/broker_properties.ts";
import { exchange } from "../../src/tools/stack/exchange.ts";
import { parseJavaVersion } from "../../src/tools/stack/java.ts";
import { kafkaPing } from "../../src/tools/stack/kafka_ping.ts";
import { stackPaths } from "../../src/tools/stack/paths.ts";
import { freePort, isPortFree, requireFreePort } from "../../src/tools/stack/ports.ts";
import { postgresPing } from "../../src/tools/stack/postgres_wire.ts";
import { lockStack } from "../../src/tools/stack/stack_lock.ts";
import { readRecord, writeRecord } from "../../src/tools/stack/stack_state.ts";
import { StackError } from "../../src/tools/stack/stack_error.ts";
import { pause, waitFor } from "../../src/tools/stack/wait.ts";

const voters = [1, 2, 3].map((nodeId) => ({ nodeId, controllerPort: 20_000 + nodeId }));

Deno.test("a lone broker replicates nothing, three replicate everything with two in sync", () => {
  const of = (count: number) =>
    brokerProperties({
      nodeId: 1,
      port: 19092,
      voters: voters.slice(0, count),
      dataDirectory: "/data",
    });
  assertStringIncludes(of(1), "\ntransaction.state.log.replication.factor=1\n");
  assertStringIncludes(of(1), "\ntransaction.state.log.min.isr=1\n");
  assertStringIncludes(of(3), "\ntransaction.state.log.replication.factor=3\n");
  assertStringIncludes(of(3), "\nmin.insync.replicas=2\n");
  assertStringIncludes(
    of(3),
    "\ncontroller.quorum.voters=1@127.0.0.1:20001,2@127.0.0.1:20002,3@127.0.0.1:20003\n",
  );
});

Deno.test("a caller's broker setting wins over ours", () => {
  const text = brokerProperties({
    nodeId: 1,
    port: 19092,
    voters: voters.slice(0, 1),
    dataDirectory: "/data",
    settings: { "num.io.threads": "9" },
  });
  assertEquals(text.match(/^num\.io\.threads=.*$/gm), ["num.io.threads=9"]);
});

Deno.test("the version of every Java is understood, and of what is none is not", () => {
  const major = (line: string) => parseJavaVersion(line)?.major;
  assertEquals(major('openjdk version "17.0.15" 2025-04-15'), 17);
  assertEquals(major('openjdk version "21" 2023-09-19'), 21);
  assertEquals(major('openjdk version "26-ea" 2026-03-17'), 26);
  assertEquals(major('java version "1.8.0_402"'), 8);
  assertEquals(major("The operation could not be completed."), undefined);
});

Deno.test("a wait ends when something is seen, when its time is over, and when its signal fires", async () => {
  let looks = 0;
  assertEquals(
    await waitFor(() => ++looks === 3 ? "seen" : undefined, { waitMsMax: 5_000, intervalMs: 1 }),
    "seen",
  );
  assertEquals(await waitFor(() => undefined, { waitMsMax: 5, intervalMs: 1 }), undefined);
  const stop = new AbortController();
  const waiting = waitFor(() => undefined, { waitMsMax: 60_000, signal: stop.signal });
  stop.abort(new RangeError("enough"));
  await assertRejects(() => waiting, RangeError, "enough");
  await pause(60_000, stop.signal);
});

Deno.test("a taken port is refused by name, a free one is not", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  assertEquals(isPortFree(port), false);
  await assertRejects(
    () => requireFreePort(port, "Kafka", "STACK_KAFKA_PORT", { oursBefore: false }),
    StackError,
    `Cannot start Kafka: port ${port} of 127.0.0.1 is taken`,
  );
  await requireFreePort(freePort(), "Kafka", "STACK_KAFKA_PORT", { oursBefore: false });
});

Deno.test("a port where nothing, or something else, answers is no service of ours", async () => {
  const nothing = freePort();
  assertEquals(await kafkaPing(nothing), undefined);
  assertEquals(await postgresPing(nothing), undefined);
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const web = (async () => {
    for await (const connection of listener) {
      await connection.read(new Uint8Array(1_024));
      await connection.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"));
      connection.close();
    }
  })();
  assertEquals(await kafkaPing(listener.addr.port), undefined);
  assertEquals(await postgresPing(listener.addr.port), undefined);
  listener.close();
  await web;
});

Deno.test("a silent server does not hold a conversation up", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  await assertRejects(
    () => exchange(listener.addr.port, 20, ({ receive }) => receive(1)),
    DOMException,
    "No answer on port",
  );
  (await accepted).close();
});

Deno.test("a record is read back as written, and one that cannot be read is none", async () => {
  await withDirectory(async (directory) => {
    const paths = stackPaths(directory);
    assertEquals(await readRecord(paths), {});
    const postgres = { pid: 7, startedAt: "1", port: 15432, version: "18.4", log: "/log" };
    writeRecord(paths, { postgres });
    assertEquals(await readRecord(paths), { postgres });
    await Deno.writeTextFile(paths.state, '{ "postgres": { "pid": ');
    assertEquals(await readRecord(paths), {});
  });
});

Deno.test("one command at a time holds the stack's lock", async () => {
  await withDirectory(async (directory) => {
    const paths = stackPaths(directory);
    const lines: string[] = [];
    const second = await (async () => {
      using _first = await lockStack(paths);
      const stop = new AbortController();
      await assertRejects(() => {
        const waiting = lockStack(paths, (line) => {
          lines.push(line);
          stop.abort(new RangeError("seen waiting"));
        }, stop.signal);
        return waiting;
      }, RangeError);
      return lockStack(paths);
    })();
    second[Symbol.dispose]();
    assertStringIncludes(lines[0] ?? "", "waiting for another command");
  });
});

async function withDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "stack-" });
  try {
    await work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
