import { DependencyDownError } from "../../src/engine/core/errors.ts";
import { createHealth } from "../../src/engine/core/health.ts";
import { relayShard } from "../../src/engine/outbox/relay_shard.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("a relay that stands by says that Postgres is back, and who leads", async () => {
  const stop = new AbortController();
  const reports: string[] = [];
  const unused = () => {
    throw new Error("a relay without the lead opens no session");
  };
  let asked = 0;
  const health = createHealth();
  const holder = {
    ...{ owner: "other", name: "worker-2, process 7 at 10.0.0.2", version: "1" },
    ...{ heldMs: 1_000, leftMs: 9_000, isGone: false },
  };
  await relayShard(
    {
      store: unused as never,
      transactions: { open: unused, stableOffset: unused } as never,
      partitionCount: () => 1,
      health,
      lead: {
        owner: "me",
        look() {
          // As often as it takes to be said of the relay.
          if (++asked <= 3) throw new DependencyDownError("postgres", "it refuses connections");
          return Promise.resolve(holder);
        },
        take: unused,
        renew: unused,
        release: unused,
        reconnect: unused,
      },
    },
    {
      shard: 0,
      groupId: "relay",
      cursorTopic: "cursor",
      batchRecordsMax: 1,
      pollIntervalMs: 1,
      retentionHours: 1,
    },
    stop.signal,
    {
      dependency(name, up) {
        reports.push(`${name} ${up ? "up" : "down"}`);
        if (up) queueMicrotask(() => stop.abort());
      },
    },
  );
  assertEquals(reports, [...Array(3).fill("postgres down"), "postgres up"]);
  const [check] = health.ready().checks;
  assertEquals([check?.name, check?.ok, check?.detail], [
    "relay:0",
    true,
    "stands by: worker-2, process 7 at 10.0.0.2 leads",
  ]);
});
