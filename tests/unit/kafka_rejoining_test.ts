import { HaltError } from "../../src/engine/core/errors.ts";
import { createHealth } from "../../src/engine/core/health.ts";
import { groupVerdict } from "../../src/engine/kafka/group_verdict.ts";
import { Rejoining } from "../../src/engine/kafka/rejoining.ts";
import { configureLogging } from "../../src/engine/observe/logging.ts";
import { createErrorFromCode } from "../../src/engine/kafka/vendor.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";

const protocolError = (code: number) => createErrorFromCode()(code);
const invalidSessionTimeout = 26;
const [groupAuthorizationFailed, rebalanceInProgress, unknownMember, notCoordinator] = [
  30,
  27,
  25,
  16,
];
const groupLoadInProgress = 14;
const signal = AbortSignal.abort(); // no pause is waited for

Deno.test("what a group answers is told apart: its own course, an outage, a refusal, a mistake", () => {
  assertEquals(groupVerdict(protocolError(rebalanceInProgress)), "rejoin");
  assertEquals(groupVerdict(protocolError(unknownMember)), "rejoin");
  assertEquals(groupVerdict(protocolError(notCoordinator)), "wait");
  assertEquals(groupVerdict(new Error("Connection timeout")), "wait");
  assertEquals(groupVerdict(protocolError(groupAuthorizationFailed)), "wait");
  const login = Object.assign(new Error("no"), { name: "KafkaJSSASLAuthenticationError" });
  assertEquals(groupVerdict(new Error("retries exceeded", { cause: login })), "halt");
  const wrapped = new Error("kafkajs", { cause: new TypeError("x is undefined") });
  assertEquals(groupVerdict(wrapped), "mistake");
});

Deno.test("an outage is one condition of the group, taken back by the first accepted beat", async () => {
  const health = createHealth();
  const rejoining = new Rejoining("g", health);
  await rejoining.after(protocolError(rebalanceInProgress), signal);
  await rejoining.after(protocolError(unknownMember), signal);
  assertEquals(health.ready().ready, true, "a rebalance is nothing to report");
  await rejoining.after(new Error("Connection timeout"), signal);
  const [check] = health.ready().checks;
  assertEquals(check?.name, "group:g");
  assertEquals(check?.detail.includes("Connection timeout"), true);
  rejoining.accepted();
  assertEquals(health.ready().ready, true);
});

Deno.test("an outage that begins and ends with other errors is one line", async () => {
  const lines: string[] = [];
  configureLogging({ level: "info", terminal: false, write: (line) => void lines.push(line) });
  try {
    const rejoining = new Rejoining("g", createHealth());
    for (const text of ["Closed connection", "Connection refused", "Connection timeout"]) {
      await rejoining.after(new Error(text), signal);
    }
    await rejoining.after(protocolError(groupLoadInProgress), signal);
    rejoining.accepted();
  } finally {
    configureLogging({ level: "error", write: () => {} });
  }
  assertEquals(lines.length, 2, lines.join(""));
  assertStringIncludes(lines[0] ?? "", "Connection refused");
});

Deno.test("a member that is thrown out each time it joins says so", async () => {
  const health = createHealth();
  const rejoining = new Rejoining("g", health);
  for (let i = 0; i < 4; i++) await rejoining.after(protocolError(unknownMember), signal);
  assertEquals(health.ready().ready, false);
});

Deno.test("a permission that is missing is named, and waited for", async () => {
  const health = createHealth();
  const rejoining = new Rejoining("g", health, undefined, { user: "ann" });
  const refusal = Object.assign(protocolError(groupAuthorizationFailed), { apiName: "JoinGroup" });
  await rejoining.after(refusal, signal);
  const { detail = "" } = health.ready().checks[0] ?? {};
  assertStringIncludes(detail, "the user ann may not Read consumer group");
  assertStringIncludes(detail, "--allow-principal User:ann --operation Read --group 'g'");
});

Deno.test("a refusal for good halts with an advice; a mistake surfaces when it does not pass", async () => {
  const rejoining = new Rejoining("g");
  const refusal = protocolError(invalidSessionTimeout);
  await assertRejects(() => rejoining.after(refusal, signal), HaltError, "SESSION_TIMEOUT_MS");
  const mistake = new TypeError("x is undefined");
  for (let i = 0; i < 4; i++) await rejoining.after(mistake, signal);
  await assertRejects(() => rejoining.after(mistake, signal), TypeError, "x is undefined");
});
