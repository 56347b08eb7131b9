import type { Transactions } from "../../src/engine/core/ports.ts";
import type { BarrierRead } from "../../src/engine/outbox/barrier_read.ts";
import { noProgress } from "../../src/engine/outbox/relay_options.ts";
import { relaySession } from "../../src/engine/outbox/relay_session.ts";
import type { RelayStore } from "../../src/engine/outbox/relay_store.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("each session notes a topic before it writes there: a restore may have lost the note", async () => {
  const happened: string[] = [];
  let stop = new AbortController();
  let cursor = { offset: -1, metadata: "" };
  const transactions: Pick<Transactions, "open" | "stableOffset"> = {
    open: (transactionalId) =>
      Promise.resolve({
        transactionalId,
        commit({ records, offsets: [offset] }) {
          if (offset) cursor = { metadata: "", ...offset };
          happened.push(`wrote to ${records[0]?.topic}`);
          if (cursor.offset % 2 > 0) stop.abort();
          return Promise.resolve();
        },
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
    stableOffset: () => Promise.resolve(cursor),
  };
  const read = (after: number): BarrierRead => {
    const position = after + 1;
    const row = {
      ...{ shard: 0, position, topic: "named by rows", key: "k", value: new Uint8Array() },
      ...{ headers: [], eventId: `event-${position}`, eventType: "Said", xid: "1" },
      createdAt: new Date(),
    };
    return { kind: "rows", rows: [row], barrier: { position, xid: "1", settled: true } };
  };
  const store: Partial<RelayStore> = {
    relayedUpTo: () => Promise.resolve(undefined),
    check: ({ offset }) =>
      Promise.resolve({ after: Math.max(0, offset - 1), eventId: "event", holds: [] }),
    metadata: ({ eventId }) => Promise.resolve(eventId),
    read: ({ after }) => Promise.resolve(read(after)),
    checkpoint: () => Promise.resolve(),
    recordTopics(topics) {
      happened.push(`noted ${topics}`);
      return Promise.resolve();
    },
  };
  const progress = noProgress();
  const options = {
    ...{ shard: 0, groupId: "relay", cursorTopic: "cursor" },
    ...{ batchRecordsMax: 1, pollIntervalMs: 1, retentionHours: 1 },
  };
  const deps = {
    store: store as never,
    transactions: transactions as never,
    partitionCount: () => 1,
  };
  for (let session = 1; session <= 2; session++) {
    stop = new AbortController();
    await relaySession(deps, options, stop.signal, {}, progress);
  }
  const [note, write] = ["noted named by rows", "wrote to named by rows"];
  assertEquals(happened, [note, write, write, note, write, write]);
});
