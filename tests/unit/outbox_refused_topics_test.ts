/** What the broker refuses for one topic holds that topic back, is tried again ever more seldom, and nothing else is taken for it. */
import { TransactionError } from "../../src/engine/core/ports.ts";
import { transactionError } from "../../src/engine/kafka/error_verdict.ts";
import { asRefusal, type Refusal, whyRefused } from "../../src/engine/outbox/refused_topics.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";

const rows = [{ topic: "a" }, { topic: "b" }];

/** As kafkajs throws what a broker answers for a topic. */
const refused = (type: string, topic?: string) =>
  transactionError("Cannot commit", Object.assign(new Error(type), { type, topic }), {
    topics: ["a", "b"],
  });

const relay = (failures = 0) => ({ refused: new Map<string, Refusal>(), failures });

Deno.test("a topic whose records are refused waits, with the reason, and is tried at growing intervals", () => {
  for (const type of ["INVALID_RECORD", "TOPIC_AUTHORIZATION_FAILED", "NOT_ENOUGH_REPLICAS"]) {
    const progress = relay();
    const waits: number[] = [];
    for (let now = 0, times = 0; times < 6; times++) {
      assert(asRefusal(refused(type, "b"), rows, progress, now));
      const obstacle = whyRefused("b", progress.refused, now);
      assertEquals(obstacle?.wholeTopic, true);
      assertStringIncludes(obstacle?.reason ?? "", 'topic "b"');
      assertEquals(whyRefused("a", progress.refused, now), undefined);
      const { retryAt = 0 } = progress.refused.get("b") ?? {};
      assertEquals(whyRefused("b", progress.refused, retryAt), undefined);
      waits.push(retryAt - now);
      now = retryAt;
    }
    assertEquals(waits, [1_000, 2_000, 4_000, 4_000, 4_000, 4_000]);
  }
});

Deno.test("a time that is refused counts once it is not the clock's, which is learned from it", () => {
  const error = refused("INVALID_TIMESTAMP", "b");
  assertEquals(error.verdict, "unknown");
  assertEquals(asRefusal(error, rows, relay(0), 0), undefined);
  assertStringIncludes(asRefusal(error, rows, relay(3), 0)?.message ?? "", "message.timestamp");
});

Deno.test("no topic is blamed for what is not its own", () => {
  const others = [
    refused("INVALID_RECORD"), // of either
    refused("TOPIC_AUTHORIZATION_FAILED", "cursor"),
    refused("NOT_LEADER_FOR_PARTITION", "b"),
    refused("TRANSACTIONAL_ID_AUTHORIZATION_FAILED"),
    new TransactionError("rejected", "no name"),
    new Error("b"),
  ];
  for (const error of others) assertEquals(asRefusal(error, rows, relay(9), 0), undefined);
});
