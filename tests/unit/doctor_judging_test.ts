/** What the doctor makes of what it was told: each wrong is a line that names it and what to do. */
import { readConfig } from "../../src/config.ts";
import type { BrokerFacts } from "../../src/tools/doctor/broker_facts.ts";
import type { Finding } from "../../src/tools/doctor/finding.ts";
import { judgeProtocol, judgeReach, judgeVersions } from "../../src/tools/doctor/judge_brokers.ts";
import { judgeLimits } from "../../src/tools/doctor/judge_limits.ts";
import {
  judgeConnections,
  judgeEncryption,
  judgeHorizon,
  judgeServer,
  type ServerFacts,
} from "../../src/tools/doctor/judge_postgres.ts";
import { judgeSchema, judgeShards } from "../../src/tools/doctor/judge_schema.ts";
import { judgeSettings } from "../../src/tools/doctor/judge_settings.ts";
import { judgeTopic } from "../../src/tools/doctor/judge_topics.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";

const limits = {
  "transaction.max.timeout.ms": "900000",
  "transactional.id.expiration.ms": "604800000",
  "group.min.session.timeout.ms": "6000",
  "group.max.session.timeout.ms": "1800000",
  "offsets.retention.minutes": "10080",
  "message.max.bytes": "1048588",
  "socket.request.max.bytes": "104857600",
  "unclean.leader.election.enable": "false",
  "log.cleaner.enable": "true",
};

function broker(
  nodeId: number,
  { level = 29, protocol = 2, protocolMax = 2, fetch = 17, settings = {}, errorCode = 0 } = {},
): BrokerFacts {
  return {
    nodeId,
    features: {
      transactionVersion: protocol,
      transactionVersionMax: protocolMax,
      metadataVersionMax: level,
    },
    requests: { 1: fetch },
    settings: { errorCode, values: new Map(Object.entries({ ...limits, ...settings })) },
  };
}

/** `wrong subject` of each that is not right. */
const bad = (findings: readonly Finding[]) =>
  findings.filter(({ standing }) => standing !== "right").map(({ standing, subject, text }) =>
    `${standing} ${subject} ${text.split(/[ :=]/)[0]}`
  );

Deno.test("brokers that are right are one line a question", () => {
  const three = [broker(1), broker(2), broker(3)];
  const found = [
    ...judgeReach(three, []),
    ...judgeVersions(three),
    ...judgeProtocol(three),
    ...judgeLimits(three, readConfig({})),
  ];
  assertEquals(found.map(({ standing }) => standing), ["right", "right", "right", "right"]);
  assertEquals(found[1]?.text, "Kafka 4.2");
});

Deno.test("a broker that is named and away, a lone one, old ones and forgetful ones are told apart", () => {
  const away = [{ nodeId: 3, address: "kafka-3:9092", reason: "ECONNREFUSED" }];
  assertEquals(bad(judgeReach([broker(1)], away)), ["wrong brokers broker"]);
  assertEquals(bad(judgeReach([broker(1)], [])), ["warning brokers there"]);
  const [lost] = judgeReach([broker(1)], away);
  assertStringIncludes(lost?.text ?? "", "does not answer at kafka-3:9092");
  assertStringIncludes(lost?.remedy ?? "", "advertised.listeners");
  const [down] = judgeReach([broker(1), broker(2)], [{ nodeId: 3 }]);
  assertStringIncludes(down?.text ?? "", "broker 3 is down");
  assertEquals(bad(judgeVersions([broker(1, { fetch: 12, level: 0 })])), ["wrong version broker"]);
  const [forgets] = judgeVersions([broker(1, { level: 30 })]);
  assertStringIncludes(forgets?.text ?? "", "4.3.0 and 4.3.1");
  assertEquals(bad(judgeVersions([broker(1), broker(2, { level: 27 })])), ["warning version the"]);
  assertEquals(judgeVersions([broker(1, { level: 99 })])[0]?.text, "Kafka unknown to this program");
});

Deno.test("protocol 1 is a warning only where protocol 2 could be spoken", () => {
  assertEquals(bad(judgeProtocol([broker(1, { protocol: 1, protocolMax: 0 })])), []);
  const [found] = judgeProtocol([broker(1, { protocol: 1 })]);
  assertEquals(found?.standing, "warning");
  assertStringIncludes(found?.remedy ?? "", "transaction.version=2");
});

Deno.test("limits of brokers are held against the settings, and the broker is named", () => {
  const wrong = (settings: Record<string, string>, given = {}) =>
    bad(judgeLimits([broker(1, { settings })], readConfig(given)));
  assertEquals(wrong({ "transaction.max.timeout.ms": "9999" }), [
    "wrong limits transaction.max.timeout.ms",
  ]);
  assertEquals(wrong({}, { SESSION_TIMEOUT_MS: "1800000" }), []);
  assertEquals(wrong({ "group.max.session.timeout.ms": "9000" }), [
    "wrong limits group.max.session.timeout.ms",
  ]);
  assertEquals(wrong({ "group.min.session.timeout.ms": "20000" }), [
    "wrong limits group.min.session.timeout.ms",
  ]);
  assertEquals(wrong({ "socket.request.max.bytes": "900000" }), [
    "wrong limits socket.request.max.bytes",
  ]);
  assertEquals(wrong({ "message.max.bytes": "1000" }), ["warning limits message.max.bytes"]);
  assertEquals(wrong({ "offsets.retention.minutes": "60" }), [
    "warning limits offsets.retention.minutes",
  ]);
  assertEquals(wrong({ "transactional.id.expiration.ms": "60000" }), [
    "warning limits transactional.id.expiration.ms",
  ]);
  assertEquals(wrong({ "unclean.leader.election.enable": "true" }), [
    "warning limits unclean.leader.election.enable",
  ]);
  const two = [broker(1), broker(2, { settings: { "log.cleaner.enable": "false" } })];
  assertStringIncludes(judgeLimits(two, readConfig({}))[0]?.text ?? "", "(broker 2)");
  const [hidden] = judgeLimits([broker(1, { errorCode: 31 })], readConfig({}), "ada");
  assertEquals(hidden?.standing, "not_told");
  assertStringIncludes(hidden?.remedy ?? "", "User:ada --operation DescribeConfigs --cluster");
});

const description = {
  ...{ topic: "orders", errorCode: 0, partitions: 4, replicas: 3, leaderless: [], behind: [] },
};
const usual = {
  ...{ "cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1" },
  ...{ "max.message.bytes": "1048588", "min.insync.replicas": "2" },
};

function topic(seen: Partial<typeof description> | object, settings: object = {}, errorCode = 0) {
  const spec = {
    ...{ topic: "orders", partitions: 4, replicationFactor: -1, uses: ["history"] as const },
  };
  return judgeTopic(
    { spec, madeBy: "the worker" },
    {
      description: { ...description, ...seen },
      settings: { errorCode, values: new Map(Object.entries({ ...usual, ...settings })) },
    },
    { brokers: 3, user: "ada" },
  );
}

Deno.test("a topic is one line when it is right, and each wrong of it is another", () => {
  assertEquals(topic({}).map(({ standing }) => standing), ["right"]);
  assertEquals(bad(topic({ errorCode: 3 })), ["warning topic orders it"]);
  assertEquals(bad(topic({ leaderless: [0, 3] })), ["wrong topic orders 2"]);
  assertEquals(bad(topic({ behind: [1] })), ["warning topic orders in"]);
  assertEquals(bad(topic({ replicas: 1 }, { "min.insync.replicas": "1" })), [
    "warning topic orders it",
  ]);
  assertEquals(bad(topic({}, { "min.insync.replicas": "1" })), [
    "warning topic orders min.insync.replicas",
  ]);
  assertEquals(bad(topic({}, { "cleanup.policy": "compact" })), [
    "wrong topic orders cleanup.policy",
  ]);
  const both = topic({ leaderless: [1] }, { "retention.ms": "60000" });
  assertEquals(bad(both), ["wrong topic orders 1", "warning topic orders retention.ms"]);
  assertStringIncludes(both[1]?.remedy ?? "", "--add-config retention.ms=-1");
  assertEquals(both[1]?.text.includes("kafka-configs"), false);
});

Deno.test("a topic that may not be looked at names the rule that is missing", () => {
  const [refused] = topic({ errorCode: 29, partitions: 0 });
  assertEquals(refused?.standing, "not_told");
  assertStringIncludes(refused?.remedy ?? "", "User:ada --operation Describe --topic 'orders'");
  const [hidden] = topic({}, {}, 29);
  assertEquals(hidden?.standing, "not_told");
  assertStringIncludes(hidden?.remedy ?? "", "--operation DescribeConfigs");
});

const server: ServerFacts = {
  ...{ versionNumber: 150_004, version: "15.4", database: "shop", user: "ada" },
  ...{ encrypted: false, autovacuum: true, xidsLeft: 2_000_000_000 },
  ...{ synchronousStandbys: "", standbysInSync: 0, idleSlots: [], databaseBytes: 8_000_000 },
};

Deno.test("a server that is old, full of ids, waits for a standby or keeps its log is named", () => {
  const wrong = (facts: Partial<ServerFacts>) => bad(judgeServer({ ...server, ...facts }));
  assertEquals(wrong({}), []);
  assertEquals(wrong({ versionNumber: 120_010 }), ["wrong version PostgreSQL"]);
  assertEquals(wrong({ autovacuum: false }), ["warning autovacuum it"]);
  assertEquals(wrong({ xidsLeft: 3_000_000 }), ["wrong transaction ids 3000000"]);
  assertEquals(wrong({ synchronousStandbys: "a" }), ["wrong standbys synchronous_standby_names"]);
  assertEquals(wrong({ synchronousStandbys: "a", standbysInSync: undefined }), []);
  const idleSlots = [{ name: "it's", keptBytes: 5e9 }, { name: "b", keptBytes: 100 }];
  const [, slot] = judgeServer({ ...server, idleSlots });
  assertStringIncludes(slot?.remedy ?? "", "pg_drop_replication_slot('it''s')");
  assertStringIncludes(slot?.text ?? "", "5.0 GB");
});

Deno.test("what is read along on the way is a warning from another host on", () => {
  const far = { hosts: ["db.example"], ssl: false };
  assertEquals(judgeEncryption({ ...far, hosts: ["127.0.0.1"] }, false).standing, "right");
  assertEquals(judgeEncryption(far, false).standing, "warning");
  assertEquals(judgeEncryption({ ...far, ssl: "require" }, true).standing, "warning");
  const verified = { ...far, ssl: { rejectUnauthorized: true } };
  assertEquals(judgeEncryption(verified, true).standing, "right");
});

Deno.test("the narrowest limit of connections counts", () => {
  assertEquals(judgeConnections({ free: 50, max: 97 }, 10).standing, "right");
  const few = judgeConnections({ free: 50, max: 97, freeOfRole: 3 }, 10);
  assertEquals(few.standing, "warning");
  assertStringIncludes(few.text, "3 are free (the connection limit of the user)");
  const kept = judgeConnections({ free: 3, max: 97 }, 10);
  assertStringIncludes(kept.text, "3 are free (max_connections leaves 97 to users like this)");
  assertEquals(judgeConnections({ free: 0, max: 97, freeOfDatabase: 9 }, 10).standing, "wrong");
});

Deno.test("a writer that is left open is named with what ends it", () => {
  const session = {
    ...{ kind: "session" as const, pid: 4711, applicationName: "psql" },
    ...{ database: "shop", user: "ada", state: "idle in transaction", query: "" },
  };
  assertEquals(judgeHorizon({ xmin: "9", ageMs: 5_000, holder: session }).standing, "right");
  const held = judgeHorizon({ xmin: "9", ageMs: 90_000, holder: session });
  assertEquals(held.standing, "wrong");
  assertStringIncludes(held.remedy ?? "", "pg_terminate_backend(4711)");
  const prepared = { kind: "prepared", gid: "o'clock", database: "shop", user: "ada" } as const;
  const left = judgeHorizon({ xmin: "9", ageMs: 90_000, holder: prepared });
  assertStringIncludes(left.remedy ?? "", "rollback prepared 'o''clock'");
});

Deno.test("a schema is made at the start where this user may, and is wrong where not", () => {
  const facts = { recorded: ["a", "b"], schema: "public", mayCreate: true };
  const expected = { known: ["a", "b"], missing: [], views: { installed: 2, wanted: 2 } };
  assertEquals(bad(judgeSchema(facts, expected)), []);
  const fresh = { ...facts, recorded: [] };
  const missing = { ...expected, missing: ["a", "b"] };
  assertEquals(bad(judgeSchema(fresh, missing)), ["warning schema nothing"]);
  assertEquals(bad(judgeSchema({ ...fresh, mayCreate: false }, missing)), ["wrong schema nothing"]);
  assertEquals(bad(judgeSchema({ recorded: [], mayCreate: false }, missing)), ["wrong schema no"]);
  const newer = { ...facts, recorded: ["a", "b", "c"] };
  assertEquals(bad(judgeSchema(newer, expected)), ["warning schema it"]);
  const stale = { ...expected, views: { installed: 1, wanted: 2 } };
  assertEquals(bad(judgeSchema(facts, stale)), ["wrong read model its"]);
  assertEquals(judgeShards(undefined, 4).standing, "right");
  assertEquals(judgeShards(2, 4).remedy, "set OUTBOX_SHARDS=2");
});

Deno.test("settings that are unusual or open are lines, and no secret is", () => {
  const own = { KAFKA_BROKERS: "k.example:9092", DATABASE_URL: "postgres://ada:hunter2@db/shop" };
  assertEquals(judgeSettings(readConfig({}))[0]?.text, "all as by default");
  const [usual] = judgeSettings(readConfig(own));
  assertEquals(usual?.text, "other than by default: KAFKA_BROKERS, DATABASE_URL");
  const sasl = {
    ...{ KAFKA_SASL_MECHANISM: "plain", KAFKA_SASL_USERNAME: "a", KAFKA_SASL_PASSWORD: "b" },
  };
  const given = {
    ...{ ...own, ...sasl, GUARANTEE: "at-most-once", HTTP_HOST: "0.0.0.0" },
    ...{ TRANSACTION_TIMEOUT_MS: "90000", SESSION_TIMEOUT_MS: "90000" },
  };
  const found = judgeSettings(readConfig(given));
  assertEquals(bad(found), [
    "warning GUARANTEE it",
    "warning KAFKA_SSL the",
    "wrong HTTP_HOST other",
    "warning TRANSACTION_TIMEOUT_MS it",
    "warning SESSION_TIMEOUT_MS it",
  ]);
  assert(found.every(({ remedy }) => remedy));
  const anonymous = { ...own, HTTP_HOST: "0.0.0.0", ALLOW_ANONYMOUS: "true" };
  assertEquals(bad(judgeSettings(readConfig(anonymous))), ["warning ALLOW_ANONYMOUS whoever"]);
  const near = { ...own, ...sasl, KAFKA_BROKERS: "localhost:9092" };
  assertEquals(bad(judgeSettings(readConfig(near))), []);
});
