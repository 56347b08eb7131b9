/** Two flows on one topic that name one dead-letter topic: each gets back what it failed on, and nothing twice. */
import type { Audit } from "../../src/app/compose/audited.ts";
import { z } from "zod";
import { ProblemError } from "../../src/app/http/problem.ts";
import { redriveDeed } from "../../src/app/operate/redrive_deed.ts";
import { dlqCommand } from "../../src/cli/dlq.ts";
import type { DeadLetterStore } from "../../src/engine/dead_letters/list_dead_letters.ts";
import { fetcherDefaults } from "../../src/engine/kafka/fetcher_options.ts";
import { runMembership } from "../../src/engine/kafka/membership.ts";
import { defineFlow, type Flow, headerText, PoisonError, topic } from "../../src/engine/mod.ts";
import { listParkedKeys } from "../../src/engine/dead_letters/load_parked_keys.ts";
import { openDeadLetterStore } from "../../src/engine/dead_letters/open_dead_letter_store.ts";
import { redriveDeadLetters } from "../../src/engine/dead_letters/redrive.ts";
import { unpark } from "../../src/engine/dead_letters/unpark.ts";
import {
  assertEquals,
  assertExists,
  assertRejects,
  assertStringIncludes,
} from "../support/assert.ts";
import {
  freshTopics,
  jsons,
  produce,
  readPartition,
  record,
  testClient,
  uniqueName,
} from "../support/kafka.ts";
import { runUntil } from "../support/run_until.ts";

const read = z.object({ id: z.string(), n: z.number() });

/** What a command on dead letters prints on stdout. */
async function saidBy(
  args: readonly string[],
  store: DeadLetterStore,
  audit: Audit = (_deed, act) => act(),
): Promise<string> {
  const { log } = console;
  let said = "";
  console.log = (text: string) => void (said += `${text}\n`);
  try {
    await dlqCommand({
      confirm: () => false,
      withStore: (_topic, act) => act(store, new AbortController().signal, audit),
    }).parseAsync(args, { from: "user" });
  } finally {
    console.log = log;
  }
  return said;
}

Deno.test("a redriven record is worked on by the flow that it failed in, and passed over by the other", async (t) => {
  const client = await testClient();
  const [source = "", bills = "", mails = ""] = await freshTopics(
    client,
    1,
    "in",
    "bills",
    "mails",
  );
  const failing = new Set([1]);
  const flowTo = (
    name: string,
    target: string,
    fails: ReadonlySet<number>,
  ): Flow<z.infer<typeof read>> => {
    const out = topic(target, { read, key: ({ id }) => id });
    return defineFlow({
      name: `${name}-${source}`,
      from: topic(source, { read, key: ({ id }) => id }),
      to: [out],
      deadLetters: `${source}.DLQ`,
      park: "key",
      transform(event) {
        if (fails.has(event.n)) throw new PoisonError("not yet");
        return out.event(event);
      },
    });
  };
  const billing = flowTo("billing", bills, failing);
  const mailing = flowTo("mailing", mails, new Set());
  const openStore = () =>
    openDeadLetterStore(client, {
      ...{ topic: billing.deadLetters, transactionTimeoutMs: 10_000 },
    });
  await using store = openStore();
  const place = (...ns: number[]) =>
    produce(client, ns.map((n) => record(source, 0, "a", { id: "a", n })));
  const both = async (count: number) => {
    await runUntil(client, billing, ({ records }) => records === count);
    await runUntil(client, mailing, ({ records }) => records === count);
  };
  const numbers = async (name: string) =>
    jsons(await readPartition(client, name)).map(({ n }) => n);

  await t.step("the key that one has parked is free in the other", async () => {
    await place(0, 1, 2);
    await both(3);
    assertEquals([await numbers(bills), await numbers(mails)], [[0], [0, 1, 2]]);
    const parked = await listParkedKeys(store.log, { toHighWatermark: true });
    assertEquals(parked.filter((key) => key.topic === source).map((key) => key.groupId), [
      billing.groupId,
    ]);
  });
  await t.step("redrive names the other group that reads the topic, and not its own", async () => {
    const said = await saidBy(["redrive", "--dry-run"], store);
    assertStringIncludes(said.replaceAll("\n", " "), `read ${source}: ${mailing.groupId}. Flows`);
    const { other_groups } = JSON.parse(await saidBy(["redrive", "--dry-run", "--json"], store));
    assertEquals(other_groups, [{ topic: source, groups: [mailing.groupId] }]);
    const noted: string[] = [];
    await saidBy(["redrive", "--class", "NoSuchError"], store, (deed, act) => {
      noted.push(deed.action);
      return act();
    });
    assertEquals(noted, [], "nothing was there to do");
    const overHttp = redriveDeed(billing.deadLetters, openStore);
    const ask = (body: unknown) =>
      overHttp(body).perform(() => {}, new AbortController().signal, () => Promise.resolve());
    const gone = "0/99";
    const found = await ask({ dry_run: true, addresses: ["0/0", gone] });
    assertEquals([found.redriven, found.missing], [1, 1]);
    assertEquals(found.other_groups, other_groups);
    const none = await assertRejects(() => ask({ addresses: [gone] }), ProblemError);
    assertEquals([none.problem.status, none.problem.type], [
      404,
      "urn:onceflow:problem:no-such-dead-letter",
    ]);
    // One that has a member and no offset yet reads it as well.
    const [groupId, stop] = [uniqueName("member"), new AbortController()];
    const joined = Promise.withResolvers<void>();
    const member = runMembership(client, {
      ...{ groupId, topics: [source], sessionTimeoutMs: 10_000 },
      ...{ bufferBytesMax: 1_000_000, fetch: fetcherDefaults },
      lane: ({ signal }) =>
        new Promise((done) => signal.addEventListener("abort", () => done(), { once: true })),
      onAssigned: () => joined.resolve(),
    }, stop.signal);
    await joined.promise;
    const readers = await store.groupsThatRead?.(source);
    stop.abort();
    await member;
    assertEquals(readers?.toSorted(), [billing.groupId, mailing.groupId, groupId].toSorted());
  });
  await t.step("what is unparked goes to it alone", async () => {
    failing.clear();
    const parked = (await listParkedKeys(store.log, { toHighWatermark: true }))
      .find((key) => key.topic === source);
    assertExists(parked);
    await unpark(store, parked, { waitMsMax: 0 });
    await both(2);
    assertEquals([await numbers(bills), await numbers(mails)], [[0, 1, 2], [0, 1, 2]]);
  });
  await t.step("a flow that was renamed is named, and everybody can be", async () => {
    failing.add(3);
    await place(3);
    await both(1);
    failing.clear();
    const renamed = { for: mailing.groupId };
    await redriveDeadLetters(store, renamed);
    await both(1);
    assertEquals([await numbers(bills), await numbers(mails)], [[0, 1, 2], [0, 1, 2, 3, 3]]);
    const again = { for: "all", again: true, topic: source };
    assertEquals((await redriveDeadLetters(store, again)).redriven, 3);
    const back = await readPartition(client, source);
    assertEquals(back.map(({ headers }) => headerText(headers, "x-redriven-for")), [
      ...[undefined, undefined, undefined, billing.groupId, billing.groupId, undefined],
      ...[mailing.groupId, undefined, undefined, undefined],
    ]);
  });
});
