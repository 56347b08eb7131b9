import { HaltError } from "../../src/engine/core/errors.ts";
import { createHealth } from "../../src/engine/core/health.ts";
import { configureLogging } from "../../src/engine/observe/logging.ts";
import type { PartitionReader } from "../../src/engine/core/ports.ts";
import type { Sql } from "../../src/engine/postgres/sql.ts";
import { orderViews } from "../../src/app/orders/views.ts";
import { projectPartition } from "../../src/engine/projection/project_partition.ts";
import { waitForKafka } from "../../src/engine/projection/wait_for_kafka.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";

const partition = { topic: "orders", partition: 3 };
const backoff = { firstMs: 1, waitMsMax: 2 };

Deno.test("a question is asked until Kafka answers, and what waits is said meanwhile", async () => {
  const health = createHealth();
  const { signal } = new AbortController();
  const details: string[] = [];
  const answer = await waitForKafka(() => {
    details.push(health.ready().checks.map(({ detail }) => detail).join());
    if (details.length < 4) return Promise.reject(new Error("Closed connection"));
    return Promise.resolve(7);
  }, { projection: "orders", partition, backoff, signal, health });
  assertEquals(answer, 7);
  assertEquals(details[3], "waits for Kafka: Closed connection");
  assertEquals(health.ready().ready, true);
  const halt = new HaltError("another topic");
  await assertRejects(
    () =>
      waitForKafka(() => Promise.reject(halt), {
        projection: "orders",
        partition,
        backoff,
        signal,
      }),
    HaltError,
  );
});

Deno.test("an outage is one line, however many partitions wait", async () => {
  const lines: string[] = [];
  configureLogging({ level: "info", terminal: false, write: (line) => void lines.push(line) });
  const health = createHealth();
  const { signal } = new AbortController();
  try {
    await Promise.all([0, 1, 2, 3].map(async (number) => {
      let asked = 0;
      const ask = () =>
        ++asked < 3 ? Promise.reject(new Error("Closed connection")) : Promise.resolve();
      const waiter = { partition: { topic: "orders", partition: number }, backoff, signal, health };
      await waitForKafka(ask, { projection: "orders", ...waiter });
    }));
  } finally {
    configureLogging({ level: "error", write: () => {} });
  }
  assertEquals(lines.length, 2, lines.join(""));
});

Deno.test("a projector that takes a partition in an outage waits, and ends in order", async () => {
  const stop = new AbortController();
  let asked = 0;
  const reader: PartitionReader = {
    ...partition,
    position: -1,
    seek() {},
    next: () => Promise.reject(new Error("not asked")),
    range: () => Promise.reject(new Error("Closed connection")),
    topicId() {
      if (++asked === 3) stop.abort(new DOMException("revoked", "AbortError"));
      return Promise.reject(new Error("Closed connection"));
    },
  };
  await projectPartition({ reader, signal: stop.signal }, {
    sql: {} as Sql, // not reached
    projection: orderViews({
      orders: "orders",
      invoices: "invoices",
      deadLetters: "orders.DLQ",
      invoicingGroup: "onceflow.invoicing",
    }),
    dedupe: "position",
    bounds: { recordsMax: 1, bytesMax: 1 },
    backoff,
  });
  assertEquals(asked, 3);
});
