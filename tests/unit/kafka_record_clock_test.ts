import { createHealth } from "../../src/engine/core/health.ts";
import { RecordClock } from "../../src/engine/kafka/record_clock.ts";
import { assertEquals } from "../support/assert.ts";

const hourMs = 3_600_000;
const brokerMs = 1_700_000_000_000;

function clocks(aheadMs: number) {
  const at = { wallMs: brokerMs + aheadMs, monotonicMs: 5_000 };
  const health = createHealth();
  const clock = new RecordClock(() => at.wallMs, () => at.monotonicMs);
  clock.reportTo(health);
  const pass = (ms: number) => {
    at.wallMs += ms;
    at.monotonicMs += ms;
  };
  const said = () => health.ready().checks.map(({ detail }) => detail).join();
  return { at, clock, pass, said };
}

Deno.test("records get this host's time while it agrees with the broker's, or nothing is known", () => {
  const { at, clock, said } = clocks(40_000);
  assertEquals(clock.now(), at.wallMs);
  clock.seen(brokerMs);
  assertEquals(clock.now(), at.wallMs);
  assertEquals(said(), "");
});

Deno.test("a refusal names the broker's time: from then on it counts, and it is said once", () => {
  const { clock, pass, said } = clocks(5 * hourMs);
  const reason = `Timestamp 1 of message with offset 0 is out of range. The timestamp should be ` +
    `within [-9223370336854775807, ${brokerMs + hourMs}]`;
  clock.refused("orders", ["One or more records have been rejected", reason]);
  pass(1_000);
  assertEquals(clock.now(), brokerMs + 1_000);
  assertEquals(said().includes("5 h 0 min ahead of the broker's"), true);
});

Deno.test("a clock that is behind is seen, and taken back when it is set right", () => {
  const { at, clock, pass, said } = clocks(-3 * 24 * hourMs);
  clock.seen(brokerMs);
  assertEquals(clock.now(), brokerMs);
  assertEquals(said().includes("3 days behind the broker's"), true);
  pass(10_000);
  at.wallMs = brokerMs + 10_000;
  assertEquals(clock.now(), at.wallMs);
  clock.seen(brokerMs + 10_000);
  assertEquals(said(), "");
});

Deno.test("an old sighting proves nothing: the host may have slept since", () => {
  const { at, clock, pass } = clocks(0);
  clock.seen(brokerMs);
  pass(11 * 60_000);
  at.wallMs += 9 * hourMs;
  assertEquals(clock.now(), at.wallMs);
});

Deno.test("words without a range say nothing: this host's clock counts", () => {
  const { at, clock, said } = clocks(2 * hourMs);
  assertEquals(clock.brokerNow(), undefined);
  clock.refused("orders", ["no"]);
  assertEquals([clock.now(), clock.brokerNow()], [at.wallMs, at.wallMs]);
  assertEquals(said(), "");
});

Deno.test("a refusal is read by the settings of its topic", () => {
  const { clock, said } = clocks(0);
  const within = (low: string | number, high: number) => [
    `The timestamp should be within [${low}, ${high}]`,
  ];
  clock.learn("two-days", { beforeMs: 2 ** 63, aheadMs: 48 * hourMs });
  clock.refused("two-days", within("-9223370336854775807", brokerMs + 48 * hourMs));
  assertEquals(clock.brokerNow(), brokerMs);
  clock.learn("ten-minutes", { beforeMs: hourMs, aheadMs: 600_000 });
  clock.refused("ten-minutes", within(brokerMs - hourMs, brokerMs + 600_000));
  assertEquals([clock.brokerNow(), said()], [brokerMs, ""]);
});

Deno.test("ages are judged by the controller's time, and by a leader's where it has shown one; records by a leader's only", () => {
  const { at, clock, pass, said } = clocks(-5 * hourMs);
  assertEquals([clock.knowsCluster, clock.clusterNow()], [false, at.wallMs]);
  clock.told(brokerMs);
  pass(1_000);
  assertEquals([clock.knowsCluster, clock.clusterNow()], [true, brokerMs + 1_000]);
  assertEquals([clock.now(), clock.brokerNow()], [at.wallMs, undefined]);
  assertEquals(said().includes("5 h 0 min behind that of Kafka's controller"), true, said());
  clock.seen(at.wallMs);
  assertEquals([clock.clusterNow(), said()], [at.wallMs, ""]);
  clock.told(brokerMs + 1_000);
  assertEquals([clock.clusterNow(), said()], [at.wallMs, ""]);
});
