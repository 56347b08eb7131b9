import { z } from "zod";
import { assertEquals } from "../support/assert.ts";
import { defineFlow } from "../../src/engine/core/flow.ts";
import type { Delivery } from "../../src/engine/core/delivery.ts";
import { runLane } from "../../src/engine/core/lane.ts";
import { type PartitionReader, TransactionError } from "../../src/engine/core/ports.ts";
import { topic } from "../../src/engine/core/topic_contract.ts";

const contract = (name: string) =>
  topic(name, { read: z.object({ id: z.string() }), key: (e) => e.id });
const flow = defineFlow({
  name: "start",
  from: contract("in"),
  to: [contract("out")],
  transform: () => undefined,
});

Deno.test("a lane whose very first commit fails starts again instead of halting", async () => {
  const stop = new AbortController();
  const seeks: number[] = [];
  const resolved: string[] = [];
  let sessions = 0;
  const reader: PartitionReader = {
    topic: "in",
    partition: 0,
    position: 0,
    seek: (offset) => void seeks.push(offset),
    next: () => Promise.resolve({ records: [], nextOffset: 1 }),
    range: () => Promise.resolve({ start: 0, end: 1 }),
  };
  const delivery: Delivery = {
    guarantee: "exactly-once",
    open: () => {
      const session = ++sessions;
      return Promise.resolve({
        // Nothing was ever committed for this group: neither before the first session nor by it.
        start: { offset: -1, metadata: "" },
        commit() {
          if (session === 1) return Promise.reject(new TransactionError("unknown", "no answer"));
          stop.abort();
          return Promise.resolve();
        },
        [Symbol.asyncDispose]: () => Promise.resolve(),
      });
    },
  };
  await runLane(
    flow,
    {
      groupId: flow.groupId,
      reader,
      signal: stop.signal,
      stillOwned: () => Promise.resolve(true),
      commitOffset: () => Promise.resolve(),
      committedOffset: () => Promise.resolve({ offset: -1, metadata: "" }),
    },
    delivery,
    { partitionCount: () => 1, recordBytesMax: 1_000, planMsMax: 1_000 },
    { recordsMax: 10, bytesMax: 1_000, dependencyBackoffMsMax: 100 },
    { resolved: (outcome) => resolved.push(outcome) },
  );
  assertEquals({ sessions, seeks, resolved }, {
    sessions: 2,
    seeks: [0, 0],
    resolved: ["aborted"],
  });
});
