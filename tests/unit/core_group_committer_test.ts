import { delay } from "../../src/engine/core/delay.ts";
import { GroupCommitter } from "../../src/engine/core/group_committer.ts";
import {
  type AtomicWrite,
  TransactionError,
  type TransactionVerdict,
} from "../../src/engine/core/ports.ts";
import { UnendedError } from "../../src/engine/core/unended_error.ts";
import { createHealth } from "../../src/engine/core/health.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";

const signal = new AbortController().signal;
const first = { generationId: 1, memberId: "a" };
const places = [0, 1, 2, 10].map((partition) => ({ topic: "in", partition }));

/** A committer whose transactions end when the test says so. */
function committing() {
  const opened: string[] = [];
  const shut: string[] = [];
  const writes: (AtomicWrite & { id: string; end: PromiseWithResolvers<void> })[] = [];
  /** Ids whose last transaction has not ended. */
  const unended = new Set<string>();
  const health = createHealth();
  /** Each ends a pause of the committer. */
  const pauses: (() => void)[] = [];
  const clock = {
    delay: () => new Promise<void>((resolve) => pauses.push(resolve)),
    random: () => 0,
  };
  let begun = Promise.withResolvers<void>();
  const committer = new GroupCommitter(
    "g",
    {
      open(id) {
        opened.push(id);
        if (unended.has(id)) return Promise.reject(new UnendedError(`${id} is not over`));
        return Promise.resolve({
          transactionalId: id,
          commit(write) {
            const end = Promise.withResolvers<void>();
            writes.push({ ...write, id, end });
            begun.resolve();
            return end.promise;
          },
          [Symbol.asyncDispose]: () => Promise.resolve(),
        });
      },
      shutOut: (id) =>
        unended.has(id)
          ? Promise.reject(new UnendedError(`${id} is not over`))
          : Promise.resolve(void shut.push(id)),
      stableOffset: () => Promise.resolve({ offset: -1, metadata: "" }),
    },
    { recordsMax: 10, bytesMax: 1_000_000 },
    health,
    undefined,
    clock,
  );
  return {
    ...{ committer, opened, shut, writes, unended, health, pauses },
    plan: (partition: number, ticket = 0, at = signal, records = 1) =>
      committer.commit({
        ...{ ticket, signal: at },
        offset: { groupId: "g", topic: "in", partition, offset: 1 },
        records: Array.from({ length: records }, () => ({
          ...{ topic: "out", partition, key: "k", value: "v", headers: [] },
        })),
      }),
    /** The next transaction that begins. */
    async next() {
      await begun.promise;
      begun = Promise.withResolvers();
      const write = writes.at(-1);
      if (!write) throw new Error("none has begun");
      return { ...write, of: write.offsets.map(({ partition }) => partition) };
    },
  };
}

const failure = (verdict: TransactionVerdict) => new TransactionError(verdict, verdict);

Deno.test("what gathers while a transaction commits is one transaction", async () => {
  const { committer, plan, next, opened } = committing();
  committer.resume(first, places);
  const plans = [plan(0)];
  const alone = await next();
  assertEquals(alone.of, [0]);
  plans.push(plan(1), plan(2));
  alone.end.resolve();
  const both = await next();
  assertEquals([both.of, both.member, both.records.length], [[1, 2], first, 2]);
  both.end.resolve();
  await Promise.all(plans);
  assertEquals(opened, ["g/in/0"]);
});

Deno.test("the id is that of the first partition by number, and changes with it", async () => {
  const { committer, opened, shut } = committing();
  committer.resume(first, places.toReversed());
  await committer.ready(signal);
  await committer.takeOver({ groupId: "g", topic: "in", partition: 0 }, signal);
  await committer.takeOver({ groupId: "g", topic: "in", partition: 10 }, signal);
  assertEquals([opened, shut], [["g/in/0"], ["g/in/10"]]);
  committer.resume({ ...first, generationId: 2 }, places.slice(3));
  await committer.ready(signal);
  assertEquals(opened, ["g/in/0", "g/in/10"]);
});

Deno.test("between the join and the next assignment nothing begins; what was planned goes with the new generation", async () => {
  const { committer, plan, next, writes } = committing();
  committer.resume(first, places);
  const before = plan(0);
  const atHand = await next();
  const pausing = committer.pause(60_000);
  const during = plan(1);
  atHand.end.resolve();
  assertEquals(await pausing, true);
  await before;
  await delay(5);
  assertEquals(writes.length, 1);
  const second = { ...first, generationId: 2 };
  committer.resume(second, places);
  const after = await next();
  assertEquals(after.member, second);
  after.end.resolve();
  await during;
});

Deno.test("a transaction that fails after a rebalance leaves the next generation's producer alone", async () => {
  const { committer, plan, next, opened } = committing();
  committer.resume(first, places.slice(0, 1));
  const late = plan(0);
  const atHand = await next();
  await committer.pause(1);
  committer.resume({ ...first, generationId: 2 }, places.slice(1));
  await committer.ready(signal);
  atHand.end.reject(failure("unknown"));
  await assertRejects(() => late, TransactionError);
  const planned = plan(1);
  (await next()).end.resolve();
  await planned;
  assertEquals(opened, ["g/in/0", "g/in/1"]);
});

Deno.test("the member does not wait for a transaction for ever", async () => {
  const { committer, plan, next } = committing();
  committer.resume(first, places);
  const slow = plan(0);
  const atHand = await next();
  assertEquals(await committer.pause(5), false);
  committer.resume({ ...first, generationId: 2 }, places);
  // It goes on as the member that it began as.
  assertEquals(atHand.member, first);
  atHand.end.reject(failure("left-behind"));
  await assertRejects(() => slow, TransactionError);
});

Deno.test("a plan of a partition that is taken away is dropped, unless it is in a transaction", async () => {
  const { committer, plan, next, writes } = committing();
  committer.resume(first, places);
  const lost = new AbortController();
  const inIt = plan(0, 0, lost.signal);
  const atHand = await next();
  const dropped = plan(0, 0, lost.signal);
  const refused = assertRejects(() => dropped, DOMException);
  lost.abort();
  await refused;
  atHand.end.resolve();
  await inIt;
  await assertRejects(() => plan(0, 0, lost.signal), DOMException);
  await delay(5);
  assertEquals(writes.length, 1);
});

Deno.test("after a failure of several each commits alone, so that one cannot hold up the others", async () => {
  const { committer, plan, next, opened } = committing();
  committer.resume(first, places);
  const failed = [plan(0), plan(1)].map((each) =>
    assertRejects(() => each, TransactionError, "one by one")
  );
  (await next()).end.reject(failure("rejected"));
  await Promise.all(failed);
  const again = [plan(0), plan(1), plan(2)];
  const guilty = assertRejects(() => again[0] ?? Promise.resolve(), TransactionError);
  const one = await next();
  assertEquals(one.of, [0]);
  one.end.reject(failure("rejected"));
  const error = await guilty;
  assertEquals(error.verdict, "rejected");
  const two = await next();
  assertEquals(two.of, [1]);
  two.end.resolve();
  const three = await next();
  assertEquals(three.of, [2]);
  three.end.resolve();
  await Promise.all(again.slice(1));
  assertEquals(opened.length, 3, "after each failure there is another producer");
});

Deno.test("what the group refuses ends the sessions in that transaction and no others", async () => {
  const { committer, plan, next } = committing();
  committer.resume(first, places);
  const refused = assertRejects(() => plan(0), TransactionError);
  const atHand = await next();
  const waiting = plan(1);
  atHand.end.reject(failure("left-behind"));
  assertEquals((await refused).verdict, "left-behind");
  (await next()).end.resolve();
  await waiting;
});

Deno.test("whoever takes the id away ends all sessions: they may have read what has changed", async () => {
  const { committer, plan, next } = committing();
  committer.resume(first, places);
  const ticket = await committer.ready(signal);
  const refused = [assertRejects(() => plan(0, ticket), TransactionError)];
  const atHand = await next();
  refused.push(assertRejects(() => plan(1, ticket), TransactionError));
  atHand.end.reject(failure("migrated"));
  refused.push(
    assertRejects(() => atHand.end.promise.catch(() => plan(2, ticket)), TransactionError),
  );
  for (const { verdict } of await Promise.all(refused)) assertEquals(verdict, "migrated");
  const later = plan(0, await committer.ready(signal));
  (await next()).end.resolve();
  await later;
});

Deno.test("a transaction holds no more than its bound, but a plan as large as it is", async () => {
  const { committer, plan, next } = committing();
  committer.resume(first, places);
  const plans = [plan(0, 0, signal, 8), plan(1, 0, signal, 3), plan(2, 0, signal, 30)];
  for (const expected of [[0], [1], [2]]) {
    const { of, end } = await next();
    assertEquals(of, expected);
    end.resolve();
  }
  await Promise.all(plans);
});

Deno.test("an id whose last transaction has not ended holds up its own partition; the others go on under another", async () => {
  const { committer, plan, next, opened, unended } = committing();
  unended.add("g/in/0");
  committer.resume(first, places);
  await committer.ready(signal);
  const held = await assertRejects(
    () => committer.takeOver({ groupId: "g", topic: "in", partition: 0 }, signal),
    TransactionError,
    "not over",
  );
  assertEquals([held.verdict, held.begun], ["blocked", false]);
  const one = plan(1);
  const write = await next();
  assertEquals(write.id, "g/in/1");
  write.end.reject(failure("unknown"));
  await assertRejects(() => one, TransactionError);
  const again = plan(1);
  (await next()).end.resolve();
  await again;
  assertEquals(
    opened,
    ["g/in/0", "g/in/1", "g/in/1"],
    "one that is held is tried after the others",
  );
  // It stays with what it has for as long as it owns it.
  committer.resume({ ...first, generationId: 2 }, places);
  await committer.ready(signal);
  assertEquals(opened.length, 3);
  unended.clear();
  committer.resume({ ...first, generationId: 3 }, places.slice(0, 1));
  await committer.ready(signal);
  assertEquals(opened.slice(3), ["g/in/0"]);
});

Deno.test("where no id may be used, plans wait with the reason, and nothing is in doubt", async () => {
  const { committer, plan, unended } = committing();
  for (const { partition } of places) unended.add(`g/in/${partition}`);
  committer.resume(first, places);
  const { verdict, begun } = await assertRejects(() => plan(1), TransactionError, "g/in/0");
  assertEquals([verdict, begun], ["blocked", false]);
  unended.delete("g/in/2");
  await committer.ready(signal);
});

Deno.test("a transaction that was never sent costs no producer", async () => {
  const { committer, plan, next, opened } = committing();
  committer.resume(first, places);
  const refused = assertRejects(() => plan(0), TransactionError);
  (await next()).end.reject(new TransactionError("unknown", "not asked yet", { begun: false }));
  assertEquals((await refused).begun, false);
  const after = plan(1);
  (await next()).end.resolve();
  await after;
  assertEquals(opened.length, 1);
});

Deno.test("what the group refuses is a condition of the group until the member has joined again", async () => {
  const { committer, plan, next, health } = committing();
  committer.resume(first, places);
  const refused = assertRejects(() => plan(0), TransactionError);
  (await next()).end.reject(failure("left-behind"));
  await refused;
  const [check] = health.ready().checks;
  assertEquals([check?.name, check?.ok], ["group:g", false]);
  assertStringIncludes(check?.detail ?? "", "generation 1");
  committer.resume({ ...first, generationId: 2 }, places);
  assertEquals(health.ready().ready, true);
});

Deno.test("what was left open while the member joined again is ended, though no lane has anything to commit", async () => {
  const { committer, plan, next, opened, shut, unended, pauses } = committing();
  committer.resume(first, places.slice(1));
  const lost = plan(1);
  const atHand = await next();
  assertEquals(await committer.pause(0), false);
  // It has gained a partition, and its next producer is named after that one.
  committer.resume({ ...first, generationId: 2 }, places);
  unended.add("g/in/1");
  atHand.end.reject(failure("unknown"));
  await assertRejects(() => lost, TransactionError);
  await delay(0);
  assertEquals([opened, shut, pauses.length], [["g/in/1", "g/in/0"], [], 1]);
  // Tried until it has ended.
  unended.clear();
  pauses[0]?.();
  await delay(0);
  assertEquals([opened, shut, pauses.length], [["g/in/1", "g/in/0"], ["g/in/1"], 1]);
});

Deno.test("what the group has refused is ended once the member has joined again", async () => {
  const { committer, plan, next, opened } = committing();
  committer.resume(first, places);
  const refused = plan(0);
  (await next()).end.reject(failure("left-behind"));
  await assertRejects(() => refused, TransactionError);
  await delay(0);
  assertEquals(opened, ["g/in/0"]);
  committer.resume({ ...first, generationId: 2 }, places);
  assertEquals(opened, ["g/in/0", "g/in/0"]);
});
