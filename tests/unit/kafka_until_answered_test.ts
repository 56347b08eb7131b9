import { HaltError } from "../../src/engine/core/errors.ts";
import { createHealth } from "../../src/engine/core/health.ts";
import { isOutage } from "../../src/engine/kafka/error_verdict.ts";
import { deletedTopicError } from "../../src/engine/kafka/read_halts.ts";
import { untilAnswered } from "../../src/engine/kafka/until_answered.ts";
import { createErrorFromCode } from "../../src/engine/kafka/vendor.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";

const protocolError = (code: number) => createErrorFromCode()(code);
const [notLeader, invalidReplicationFactor] = [6, 38];

Deno.test("a connection that is lost and a leader that moved are an outage; a refusal and a mistake are none", () => {
  assertEquals(isOutage(new Error("Closed connection")), true);
  const exceeded = new Error("retries exceeded", { cause: protocolError(notLeader) });
  assertEquals(isOutage(Object.assign(exceeded, { retriable: false })), true);
  assertEquals(isOutage(protocolError(invalidReplicationFactor)), false);
  assertEquals(isOutage(new Error("wrapped", { cause: new TypeError("x") })), false);
  assertEquals(isOutage(new HaltError("no")), false);
  assertEquals(isOutage(deletedTopicError("orders")), false);
  assertEquals(isOutage(new AggregateError([protocolError(notLeader)])), false);
});

Deno.test("work at the cluster is done again during an outage, and that is said as one condition", async () => {
  const health = createHealth();
  const { signal } = new AbortController();
  const ready: boolean[] = [];
  const work = () => {
    ready.push(health.ready().ready);
    return ready.length < 3 ? Promise.reject(protocolError(notLeader)) : Promise.resolve("done");
  };
  assertEquals(await untilAnswered("look up", work, { signal, health }), "done");
  assertEquals(ready, [true, false, false]);
  assertEquals(health.ready().ready, true);
  await assertRejects(
    () => untilAnswered("look up", () => Promise.reject(new HaltError("no")), { signal, health }),
    HaltError,
  );
  await assertRejects(
    () => untilAnswered("look up", work, { signal: AbortSignal.abort(new Error("ended")) }),
    Error,
    "ended",
  );
});
