import { checkTopic } from "../../src/engine/kafka/check_topics.ts";
import type { TopicUse } from "../../src/engine/kafka/topic_spec.ts";
import { missingPermission } from "../../src/engine/kafka/missing_permission.ts";
import { createErrorFromCode } from "../../src/engine/kafka/vendor.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";

/** A topic as Kafka makes it when nobody says anything. */
const usual = {
  "cleanup.policy": "delete",
  "retention.ms": "604800000",
  "retention.bytes": "-1",
  "max.message.bytes": "1048588",
  "min.insync.replicas": "1",
  "unclean.leader.election.enable": "false",
};

function check(
  uses: readonly TopicUse[],
  settings: Record<string, string>,
  { partitions = 1, replicas = 1, wanted = 1 } = {},
) {
  const spec = {
    ...{ topic: "t", partitions: wanted, replicationFactor: 1, recordBytesMax: 900_000 },
    uses,
  };
  const values = new Map(Object.entries({ ...usual, ...settings }));
  return checkTopic(spec, { partitions, replicas }, values);
}

const kinds = (...args: Parameters<typeof check>) =>
  check(...args).map(({ kind, text }) => `${kind} ${text.match(/ has (\S+?)=/)?.[1]}`);

const forEver = { "retention.ms": "-1" };

Deno.test("state that is deleted by age, by size or by a policy of both is refused", () => {
  assertEquals(kinds(["state"], {}), ["refuse cleanup.policy"]);
  assertEquals(kinds(["state"], { "cleanup.policy": "compact,delete" }), ["refuse cleanup.policy"]);
  assertEquals(kinds(["state"], { "cleanup.policy": "compact" }), []);
  assertEquals(kinds(["state"], { "cleanup.policy": "compact,delete", ...forEver }), []);
  const sized = { "cleanup.policy": "compact,delete", ...forEver, "retention.bytes": "1000" };
  assertEquals(kinds(["state"], sized), ["refuse cleanup.policy"]);
});

Deno.test("compaction is refused where each record counts, and a warning for an input", () => {
  const compact = { "cleanup.policy": "compact" };
  assertEquals(kinds(["history", "output"], compact), ["refuse cleanup.policy"]);
  assertEquals(kinds(["dead-letters"], compact), ["refuse cleanup.policy"]);
  assertEquals(kinds(["input"], compact), ["warn cleanup.policy"]);
  assertEquals(kinds(["output"], compact), []);
});

Deno.test("dead letters that are kept for shorter or longer than the settings say are a warning", () => {
  const kept = (retention: string, wanted: string) => {
    const spec = {
      ...{ topic: "t", partitions: 1, replicationFactor: 1, uses: ["dead-letters"] as const },
      config: { "retention.ms": wanted },
    };
    const values = new Map(Object.entries({ ...usual, "retention.ms": retention }));
    return checkTopic(spec, { partitions: 1, replicas: 1 }, values).map(({ text }) => text).join();
  };
  assertEquals([kept("-1", "-1"), kept("1000", "1000")], ["", ""]);
  assertStringIncludes(kept("1000", "-1"), "gone; set it right");
  assertStringIncludes(kept("1000", "2000"), "gone, and the settings keep them for 2000");
  for (const longer of ["-1", "3000"]) {
    assertStringIncludes(kept(longer, "2000"), "longer than the 2000 of the settings");
  }
  assertStringIncludes(kept("-1", "2000"), "--add-config retention.ms=2000");
});

Deno.test("a retention that may take what is needed is a warning", () => {
  assertEquals(kinds(["history"], {}), ["warn retention.ms"]);
  assertEquals(kinds(["dead-letters"], {}), ["warn retention.ms"]);
  assertEquals(kinds(["input"], {}), []);
  assertEquals(kinds(["input"], { "retention.ms": "60000" }), ["warn retention.ms"]);
  assertEquals(kinds(["input"], { ...forEver, "retention.bytes": "1000" }), [
    "warn retention.bytes",
  ]);
  assertEquals(kinds(["output"], { "retention.ms": "60000" }), []);
});

Deno.test("limits, replicas, elections and partitions that do not fit are found", () => {
  const small = { "max.message.bytes": "50000", ...forEver };
  for (const use of ["input", "output", "history", "dead-letters"] as const) {
    assertEquals(kinds([use], small), ["warn max.message.bytes"]);
  }
  const state = { "cleanup.policy": "compact", "max.message.bytes": "1000" };
  assertEquals(kinds(["state"], state), ["refuse max.message.bytes"]);
  assertEquals(kinds(["cursor"], { ...small, "min.insync.replicas": "2" }), []);
  assertEquals(kinds(["output"], { "min.insync.replicas": "2" }), ["warn min.insync.replicas"]);
  assertEquals(kinds(["output"], { "min.insync.replicas": "2" }, { replicas: 3 }), []);
  assertEquals(kinds(["output"], { "unclean.leader.election.enable": "true" }), [
    "warn unclean.leader.election.enable",
  ]);
  const [shards] = check(["cursor"], {}, { wanted: 4 });
  assertEquals(shards?.kind, "refuse");
  assertStringIncludes(shards?.text ?? "", "--partitions 4");
  assertEquals(
    check(["state"], { "cleanup.policy": "compact" }, { partitions: 3 })[0]?.kind,
    "warn",
  );
  const ofFlow = check(["state"], { "cleanup.policy": "compact" }, { partitions: 3, wanted: 3 });
  assertEquals(ofFlow, [], "the state of a flow has as many as its input");
});

Deno.test("a topic that nobody has said a use of, and harmless settings, are let be", () => {
  assertEquals(kinds([], { "cleanup.policy": "compact" }), []);
  assertEquals(kinds(["input"], { "message.timestamp.type": "LogAppendTime" }), []);
});

Deno.test("a finding names topic, setting, value and remedy", () => {
  const [finding] = check(["dead-letters"], {});
  for (const part of ["Topic t ", "retention.ms=604800000", "kafka-configs.sh", "=-1"]) {
    assertStringIncludes(finding?.text ?? "", part);
  }
});

Deno.test("a refusal says who may not do what, and how to grant it", () => {
  const refusal = (code: number, apiName: string, topic?: string) =>
    Object.assign(createErrorFromCode()(code), { apiName, ...(topic && { topic }) });
  const wrapped = new Error("retries", { cause: refusal(29, "Produce", "invoices") });
  const written = missingPermission(wrapped, { user: "ann", topics: ["a", "b"] }) ?? "";
  assertStringIncludes(written, `the user ann may not Write topic "invoices"`);
  assertStringIncludes(written, "--operation Write --topic 'invoices'");
  const read = missingPermission(refusal(29, "Fetch"), { topics: ["orders"] }) ?? "";
  assertStringIncludes(read, "--operation Read --topic 'orders'");
  const id = missingPermission(refusal(53, "InitProducerId"), { transactionalId: "g/t/0" }) ?? "";
  assertStringIncludes(id, "--transactional-id 'g/t/0'");
  const group = missingPermission(refusal(30, "FindCoordinator"), { groupId: "g" }) ?? "";
  assertStringIncludes(group, "--operation Read --group 'g'");
  assertEquals(missingPermission(createErrorFromCode()(3), {}), undefined);
});
