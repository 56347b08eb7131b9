import { type Pace, paced } from "../../src/app/dashboard/paced.ts";
import { assertEquals } from "../support/assert.ts";

const pace: Pace = { everyMsMin: 1_000, shareMax: 0.05, waitMsMax: 5_000 };
const describe = (error: unknown) => `failed: ${error instanceof Error ? error.message : error}`;

/** A read that takes so long on a clock of its own, and counts how often it ran. */
function slowRead(tookMs: number) {
  let now = 0;
  let runs = 0;
  const read = paced(
    () => {
      now += tookMs;
      return Promise.resolve(++runs);
    },
    describe,
    pace,
    () => now,
  );
  return { read, pass: (ms: number) => void (now += ms) };
}

Deno.test("a quick read is repeated once its shortest interval is over", async () => {
  const { read, pass } = slowRead(1);
  assertEquals(await read.read(), {
    known: true,
    as_of: "1970-01-01T00:00:00.000Z",
    value: 1,
  });
  pass(998);
  assertEquals(await read.read(), { known: true, as_of: "1970-01-01T00:00:00.000Z", value: 1 });
  pass(1);
  assertEquals(await read.read(), { known: true, as_of: "1970-01-01T00:00:01.000Z", value: 2 });
});

Deno.test("a read of two seconds is repeated after forty, whoever asks meanwhile", async () => {
  const { read, pass } = slowRead(2_000);
  const valueNow = async () => {
    const result = await read.read();
    return result.known ? result.value : undefined;
  };
  assertEquals(await valueNow(), 1);
  for (let second = 2; second < 40; second++) {
    assertEquals(await valueNow(), 1);
    pass(1_000);
  }
  assertEquals(await valueNow(), 2);
});

Deno.test("all who ask at once share one read", async () => {
  let runs = 0;
  const gate = Promise.withResolvers<void>();
  const read = paced(
    async () => {
      await gate.promise;
      return ++runs;
    },
    describe,
    pace,
  );
  const asked = [read.read(), read.read(), read.read()];
  gate.resolve();
  const values = (await Promise.all(asked)).map((result) => result.known && result.value);
  assertEquals(values, [1, 1, 1]);
});

Deno.test("who does not want to wait gets the last result and its age", async () => {
  let now = 0;
  const gates = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  let run = 0;
  const read = paced(
    () => gates[run++]?.promise ?? Promise.reject(),
    describe,
    { ...pace, waitMsMax: 0 },
    () => now,
  );
  assertEquals(await read.read(), {
    known: false,
    reason: "Still being read for the first time",
  });
  gates[0]?.resolve("first");
  await read.settle();
  now = 2_000;
  assertEquals(await read.read(), {
    known: true,
    as_of: "1970-01-01T00:00:00.000Z",
    value: "first",
  });
  gates[1]?.resolve("second");
  await read.settle();
});

Deno.test("what hangs in an outage is not shown as news, and is read again soon after it", async () => {
  let now = 0;
  let runs = 0;
  const gate = Promise.withResolvers<void>();
  const read = paced(
    async () => {
      if (++runs === 2) await gate.promise;
      return runs;
    },
    () => "It cannot be read",
    { ...pace, waitMsMax: 0 },
    () => now,
  );
  await read.read();
  await read.settle();
  now = 1_000;
  assertEquals((await read.read()).known, true, "it has only just been asked");
  now = 61_000;
  assertEquals(await read.read(), {
    known: false,
    reason: "It cannot be read: no answer for 60 s",
  });
  gate.resolve();
  await read.settle();
  assertEquals((await read.read()).known, true);
  // As if it had cost ten seconds of work, and not a minute: 200 s and no 1,200 behind its start.
  now = 202_000;
  await read.read();
  await read.settle();
  assertEquals(await read.read(), { known: true, as_of: "1970-01-01T00:03:22.000Z", value: 3 });
});

Deno.test("a failure is a reason, and the next read tries again", async () => {
  let now = 0;
  let fails = true;
  const read = paced(
    () => fails ? Promise.reject(new Error("down")) : Promise.resolve("up"),
    describe,
    pace,
    () => now,
  );
  assertEquals(await read.read(), { known: false, reason: "failed: down" });
  fails = false;
  now = 1_000;
  assertEquals((await read.read()).known, true);
});

Deno.test("a read that tells its own cost is paced by that, however late its answer came", async () => {
  let now = 0;
  const read = paced(
    () => {
      now += 3_000;
      return Promise.resolve({ costMs: 100 });
    },
    describe,
    pace,
    () => now,
    ({ costMs }) => costMs,
  );
  const asOf = async () => {
    const result = await read.read();
    return result.known ? Date.parse(result.as_of) : undefined;
  };
  assertEquals(await asOf(), 0);
  assertEquals(await asOf(), 3_000, "due after two seconds, and three have passed");
});
