/** `testFlow` itself: what it runs, what it answers, and how it says what is wrong. */
import { z } from "zod";
import {
  defineFlow,
  DependencyDownError,
  HaltError,
  headerText,
  PoisonError,
  topic,
  TransientError,
} from "../../src/engine/mod.ts";
import { testFlow } from "../../src/engine/testing/mod.ts";
import {
  assertEquals,
  AssertionError,
  assertLess,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "../support/assert.ts";

const call = z.object({ id: z.string(), n: z.int().default(0) });
const calls = topic("calls", { read: call, key: ({ id }) => id });
const answers = topic("answers", { read: call, key: ({ id }) => id });
const alarms = topic("alarms", { read: call, key: ({ id }) => id });

/** Fails as long as the event says. */
const answering = defineFlow({
  name: "answering",
  from: calls,
  to: [answers, alarms],
  transform(event, { attempt }) {
    if (event.id === "poison") throw new PoisonError("this one is bad");
    if (event.id === "alarm") return alarms.event(event);
    if (attempt <= event.n) throw new TransientError(`try ${attempt} timed out`);
    return answers.event(event);
  },
});

Deno.test("events in, events and dead letters out, in their order", async () => {
  await testFlow(answering)
    .given({ id: "a", n: 0 }, { id: "poison", n: 1 }, { id: "b", n: 0 })
    .expect(answers, [{ id: "a", n: 0 }, { id: "b", n: 0 }])
    .expectDeadLetters([
      { errorClass: "PoisonError", error: "is bad", key: "poison", value: { id: "poison", n: 1 } },
    ])
    .expectRetries(0)
    .expectNothingElse();
});

Deno.test("retries wait in virtual time, each twice as long", async () => {
  const before = performance.now();
  const { retries, waitedMs, deadLetters, events } = await testFlow(answering)
    .given({ id: "twice", n: 2 }, { id: "always", n: 9 });
  assertLess(performance.now() - before, 400, "no real pause");
  assertEquals(waitedMs, 500 + 1_000 + 2_000, "records of different keys wait at the same time");
  assertEquals(retries.map(({ attempt }) => attempt), [1, 1, 2, 2, 3]);
  assertEquals(events(answers), [{ id: "twice", n: 2 }]);
  assertEquals(deadLetters.map(({ attempts, error }) => ({ attempts, error })), [
    { attempts: 4, error: "try 4 timed out" },
  ]);
});

Deno.test("asynchronous transforms of different keys wait at the same time", async () => {
  const flow = defineFlow({
    ...answering,
    async transform(event, { attempt }) {
      await Promise.resolve();
      if (attempt <= event.n) throw new TransientError("not now");
      return answers.event(event);
    },
  });
  const { waitedMs, events } = await testFlow(flow)
    .given({ id: "a", n: 3 }, { id: "b", n: 1 }, { id: "a", n: 0 });
  assertEquals(waitedMs, 500 + 1_000 + 2_000);
  assertEquals(events(answers).map(({ id, n }) => `${id}${n}`), ["a3", "b1", "a0"]);
});

Deno.test("a dependency that is down is waited for, and no record is blamed", async () => {
  let calls = 0;
  const flow = defineFlow({
    ...answering,
    transform(event) {
      if (++calls < 4) throw new DependencyDownError("rates", "no route");
      return answers.event(event);
    },
  });
  const { outages, retries } = await testFlow(flow).given({ id: "a", n: 0 })
    .expect(answers, [{ id: "a", n: 0 }]).expectNothingElse();
  assertEquals({ outages, retries }, {
    outages: [{ dependency: "rates", waitedMs: 100 + 200 + 400 }],
    retries: [],
  });
});

Deno.test("one that stays down, a halt, and a topic that is not named fail the test with the reason", async () => {
  const failing = (fail: () => void) =>
    testFlow(defineFlow({ ...answering, transform: fail })).given({ id: "a", n: 0 });
  await assertRejects(
    async () =>
      await failing(() => {
        throw new DependencyDownError("rates", "no route");
      }),
    Error,
    'Flow "answering" still waits for rates after 24 h of virtual time',
  );
  await assertRejects(
    async () =>
      await failing(() => {
        throw new HaltError("somebody must look");
      }),
    HaltError,
    "somebody must look",
  );
  const elsewhere = topic("elsewhere", { read: call, key: ({ id }) => id });
  const flow = defineFlow({ ...answering, transform: (event) => elsewhere.event(event) });
  await assertRejects(
    async () => await testFlow(flow).given({ id: "a", n: 0 }),
    HaltError,
    'offset 0 goes to elsewhere, and its "to" names answers, alarms. Name elsewhere in "to"',
  );
});

Deno.test("records with bytes of their own: no JSON, headers, tombstones, a time", async () => {
  const seen: unknown[] = [];
  const flow = defineFlow({
    ...answering,
    transform(event, { record }) {
      seen.push([headerText(record.headers, "trace"), record.timestamp, record.offset]);
      return answers.event(event);
    },
  });
  const { deadLetters } = await testFlow(flow)
    .givenRecords(
      { key: "a", value: '{"id":"a"}', headers: [["trace", "t1"]], timestamp: 17, offset: 40 },
      { key: new Uint8Array([255]), value: new Uint8Array([0, 1, 254]) },
      { value: null },
    )
    .expect(answers, [{ id: "a", n: 0 }])
    .expectDeadLetters([
      { error: /not JSON/, value: new Uint8Array([0, 1, 254]) },
      { error: "a tombstone", key: null, value: null },
    ]);
  assertEquals(seen, [["t1", 17, 40]]);
  assertEquals(deadLetters.map(({ origin }) => origin?.offset), [41, 42]);
  assertEquals(deadLetters[0]?.record.key, new Uint8Array([255]));
});

Deno.test("a parked key's later records follow its dead letter", async () => {
  const { deadLetters } = await testFlow(defineFlow({
    ...answering,
    park: "key",
    transform(event) {
      if (event.n === 2) throw new PoisonError("two is broken");
      return answers.event(event);
    },
  }))
    .given({ id: "a", n: 1 }, { id: "a", n: 2 }, { id: "b", n: 1 }, { id: "a", n: 3 })
    .expect(answers, [{ id: "a", n: 1 }, { id: "b", n: 1 }])
    .expectDeadLetters([
      { errorClass: "PoisonError", value: { id: "a", n: 2 } },
      { errorClass: "ParkedKeyError", value: { id: "a", n: 3 } },
    ])
    .expectNothingElse();
  assertEquals(deadLetters.map(({ link }) => link?.number), [0, 1]);
});

Deno.test("several inputs, each with its contract and its dead letters", async () => {
  const orders = topic("orders", { read: z.object({ order: z.string() }), key: (it) => it.order });
  const flow = defineFlow({
    name: "both",
    from: [calls, orders],
    to: [answers],
    transform(event) {
      if ("order" in event) return answers.event({ id: event.order, n: 1 });
      throw new PoisonError("no calls today");
    },
  });
  const { deadLetters, log } = await testFlow(flow)
    .givenRecords(calls.event({ id: "a", n: 0 }), orders.event({ order: "o" }))
    .givenRecords({ topic: "orders", value: "no order" })
    .expect(answers, [{ id: "o", n: 1 }])
    .expectDeadLetters([{ error: "no calls" }, { error: "not JSON" }])
    .expectNothingElse();
  assertEquals(deadLetters.map(({ record }) => record.topic), [
    "calls.both.DLQ",
    "orders.both.DLQ",
  ]);
  assertEquals((await log.redrive(flow)).byTopic, { calls: 1, orders: 1 });
  assertThrows(() => testFlow(flow).given({ id: "a", n: 0 }), TypeError, "several inputs");
  assertThrows(() => testFlow(flow).givenRecords({ value: "" }), TypeError, "without a topic");
});

Deno.test("what is wrong is shown with the difference, where the expectation stands", async () => {
  const given = () => testFlow(answering).given({ id: "a", n: 0 }, { id: "poison", n: 0 });
  const saidOf = async (test: PromiseLike<unknown>) => {
    const error = await assertRejects(async () => await test, AssertionError);
    assertStringIncludes(error.stack ?? "", "testing_test_flow_test.ts");
    return error.message;
  };
  const wrongEvent = await saidOf(given().expect(answers, [{ id: "a", n: 7 }]));
  assertStringIncludes(
    wrongEvent,
    'on answers are not those that were expected of flow "answering"',
  );
  assertStringIncludes(wrongEvent, "n: 7");
  const wrongLetter = await saidOf(given().expectDeadLetters([{ error: "is good" }]));
  assertStringIncludes(wrongLetter, "this one is bad");
  assertStringIncludes(wrongLetter, "is good");
  const more = await saidOf(given().expectDeadLetters([]));
  assertStringIncludes(more, "PoisonError");
  const rest = await saidOf(given().expect(alarms, []).expectNothingElse());
  for (const text of ["answers", "calls.answering.DLQ", "this one is bad"]) {
    assertStringIncludes(rest, text);
  }
  await saidOf(given().expectRetries(1));
  // Of a thousand events the part is shown where the difference begins.
  const many = Array.from({ length: 1_000 }, (_, n) => ({ id: "a", n: -n }));
  const long = await saidOf(
    testFlow(answering).given(...many).expect(answers, [...many.slice(0, 500), ...many.slice(502)]),
  );
  assertStringIncludes(long, "1000 where 998 are expected; from the one at 498 on");
  assertStringIncludes(long, "n: -500");
  assertLess(long.length, 5_000);
});

Deno.test("a test that cannot mean anything is refused at once", async () => {
  assertThrows(
    () => testFlow(answering).expect(topic("no", { read: call, key: ({ id }) => id }), []),
    TypeError,
    'flow "answering" does not write there',
  );
  assertThrows(
    () => testFlow(answering).givenRecords({ value: "x", partition: 3 }),
    RangeError,
    'no partition 3 in this test, only 1: say how many there are with the option "partitions"',
  );
  assertThrows(
    () => testFlow(answering).givenRecords({ value: "x", offset: 3 }, { value: "y", offset: 3 }),
    RangeError,
    "the next one is 4",
  );
  assertThrows(
    () => testFlow(answering).givenRecords(answers.event({ id: "a", n: 0 })),
    TypeError,
    'Cannot give flow "answering" a record of answers: it reads calls',
  );
  const test = testFlow(answering);
  await test;
  assertThrows(() => test.given({ id: "a", n: 0 }), Error, "has run already");
});
