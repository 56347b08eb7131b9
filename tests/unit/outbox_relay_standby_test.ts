import { DependencyDownError } from "../../src/core/errors.ts";
import { runRelay } from "../../src/outbox/relay.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("a relay that stands by says that Postgres is back", async () => {
  const stop = new AbortController();
  const reports: string[] = [];
  const unused = () => {
    throw new Error("a relay without the lock opens no session");
  };
  let asked = 0;
  await runRelay(
    {
      sql: unused as never,
      transactions: { open: unused, stableOffset: unused } as never,
      partitionCount: () => 1,
      lock: {
        tryHold() {
          if (++asked === 1) throw new DependencyDownError("postgres", "it refuses connections");
          return Promise.resolve(false);
        },
        [Symbol.asyncDispose]: () => Promise.resolve(),
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
        if (up) stop.abort();
      },
    },
  );
  assertEquals(reports, ["postgres down", "postgres up"]);
});
