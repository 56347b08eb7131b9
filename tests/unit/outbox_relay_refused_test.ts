import { createHealth } from "../../src/engine/core/health.ts";
import { TransactionError, type Transactor } from "../../src/engine/core/ports.ts";
import { relayShard } from "../../src/engine/outbox/relay_shard.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";

Deno.test("a topic that refuses is named while the refused transaction cannot end, and no longer than that", async () => {
  const stop = new AbortController();
  const health = createHealth();
  const ended = Promise.withResolvers<void>();
  const waits = Promise.withResolvers<void>();
  const published = Promise.withResolvers<void>();
  let now = 0;
  let isDone = false;
  const row = {
    ...{ shard: 0, position: 1, eventId: "e1", topic: "b", key: "k", eventType: "Said" },
    ...{ value: new Uint8Array([1]), headers: [], createdAt: new Date(0), xid: "6" },
  };
  const transactor = (commit: Transactor["commit"]): Transactor => ({
    transactionalId: "relay/cursor/0",
    commit,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
  let sessions = 0;
  const unused = () => Promise.reject(new Error("not asked here"));
  const relaying = relayShard(
    {
      store: {
        read: () =>
          Promise.resolve(
            isDone
              ? { kind: "empty" }
              : { kind: "rows", rows: [row], barrier: { position: 1, xid: "7", settled: true } },
          ),
        check: () => Promise.resolve({ after: 0, eventId: undefined, holds: [] }),
        metadata: () => Promise.resolve(""),
        between: () => Promise.resolve([]),
        relayedUpTo: () => Promise.resolve(undefined),
        checkpoint: () => Promise.resolve(),
        recordTopics: () => Promise.resolve(),
        remove: () => Promise.resolve({ deleted: 0, reachedLimit: false }) as never,
      },
      transactions: {
        async open() {
          if (++sessions === 1) {
            return transactor(() => {
              const reason = 'topic "b" has fewer replicas in sync than its min.insync.replicas';
              return Promise.reject(new TransactionError("blocked", reason, { topic: "b" }));
            });
          }
          waits.resolve();
          await ended.promise;
          return transactor(() => Promise.resolve(void (isDone = true)));
        },
        stableOffset: () => Promise.resolve({ offset: -1, metadata: "" }),
        shutOut: unused,
      },
      partitionCount: () => 1,
      health,
      lead: {
        owner: "me",
        look: () => Promise.resolve(undefined),
        take: () => Promise.resolve(true),
        renew: () => Promise.resolve(true),
        release: () => Promise.resolve(),
        reconnect: () => {},
      },
      clock: {
        now: () => now,
        delay: (_ms, signal) =>
          new Promise((resolve) => {
            const timer = setTimeout(resolve, 1);
            signal?.addEventListener("abort", () => (clearTimeout(timer), resolve()));
          }),
      },
    },
    {
      ...{ shard: 0, groupId: "relay", cursorTopic: "cursor" },
      ...{ batchRecordsMax: 1, pollIntervalMs: 1, retentionHours: 1 },
    },
    stop.signal,
    { relayed: () => published.resolve() },
  );
  await waits.promise;
  const said = health.ready();
  assertEquals(said.ready, false);
  assertStringIncludes(said.checks[0]?.detail ?? "", 'topic "b" has fewer replicas in sync');
  // Longer than the topic is left alone: it is tried at once.
  now += 60_000;
  ended.resolve();
  await published.promise;
  assertEquals(health.ready().ready, true);
  stop.abort();
  await relaying;
});
