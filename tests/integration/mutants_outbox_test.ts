import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { dyingAfterCommit, offsetsOutside } from "../support/mutants/mutated_transactions.ts";
import {
  relayByXid,
  withoutBarrier,
  withoutLookingBack,
} from "../support/mutants/mutated_reads.ts";
import { openTestReader, Pipeline } from "../support/mutants/pipeline.ts";
import { placeOrderInTransaction } from "../../src/app/orders/place_order.ts";
import { HaltError } from "../../src/engine/core/errors.ts";
import { appendInTransaction } from "../support/append_in_transaction.ts";
import type { Sql, Tx } from "../../src/engine/postgres/database.ts";

Deno.test("the checker finds the mistakes that a relay can make", async (test) => {
  await using reader = await openTestReader();

  for (const mutated of [true, false]) {
    const which = mutated ? "the relay's cursor outside the transaction" : "the cursor inside it";
    await test.step(`${which}, and a death after the events`, async () => {
      await using pipeline = await Pipeline.open(reader);
      await pipeline.place(15);
      const transactions = pipeline.transactions();
      await pipeline.relay({
        transactions: mutated ? offsetsOutside(transactions) : dyingAfterCommit(transactions),
      });
      const found = await pipeline.findings();
      if (mutated) assert(found.includes("doubled"), `found ${found}`);
      else assertEquals(found, []);
    });

    await test.step(
      mutated ? "an outbox read by position > cursor" : "an outbox read behind the barrier",
      async () => {
        await using pipeline = await Pipeline.open(reader);
        const { sql } = pipeline;
        // Given a writer that has its position and stays open while a later one commits and is relayed.
        const early = await openWriter(sql, (tx) => order(tx, pipeline));
        await pipeline.place(1);
        const waited = Promise.withResolvers<void>();
        const relaying = pipeline.relay({
          sql: mutated ? withoutBarrier(sql) : sql,
          until: waited.promise,
        });
        if (mutated) await pipeline.published(1);
        // When the first one commits.
        await early.commit();
        await pipeline.place(1);
        await pipeline.published(mutated ? 2 : 3);
        waited.resolve();
        await relaying;
        // Then it is passed by, or not.
        assertEquals(await pipeline.findings(), mutated ? ["lost"] : []);
      },
    );

    await test.step(
      mutated ? "an outbox read in order of (xid, position)" : "an outbox read in its own order",
      async () => {
        await using pipeline = await Pipeline.open(reader);
        const { sql } = pipeline;
        // Given T1 with an early xid, T2 that commits number 1 of a key, T3 that holds the horizon all the while.
        const holder = await openWriter(
          sql,
          async (tx) => void await tx`select pg_current_xact_id()`,
        );
        const t1 = await openWriter(sql, async (tx) => void await tx`select pg_current_xact_id()`);
        const t2 = await openWriter(sql, (tx) => numbered(tx, pipeline));
        await t2.commit();
        // When T1 appends number 2 late, and the horizon is let go.
        await t1.commit((tx) => numbered(tx, pipeline));
        await holder.commit();
        if (mutated) await relayByXid(pipeline, 2);
        else await pipeline.relay();
        // Then number 2 comes before number 1, or not.
        const found = await pipeline.sequenceFindings();
        assertEquals(found.toSorted(), mutated ? ["doubled", "lost"] : []);
      },
    );
  }

  await test.step("a sequence that was set back is noticed, and loses where nobody looks", async () => {
    await using pipeline = await Pipeline.open(reader);
    const { sql } = pipeline;
    // Given a position that nobody has below the cursor, and above what Postgres knows to be published.
    await pipeline.place(1);
    await sql`select nextval('outbox_position')`;
    await pipeline.place(1);
    await pipeline.relay();
    await sql`update outbox_relayed set position = 1`;
    // When the sequence gives it once more, to an order.
    await sql`select setval('outbox_position', 1)`;
    await pipeline.place(1);
    await sql`select setval('outbox_position', 3)`;
    await pipeline.place(1);
    // Then no relay goes on, and one that does not look passes it by.
    await assertRejects(() => pipeline.relay(), HaltError, "was set back");
    await pipeline.relay({ sql: withoutLookingBack(sql) });
    assertEquals(await pipeline.findings(), ["lost"]);
  });
});

/** A transaction that has done its first step and waits to be committed. */
async function openWriter(sql: Sql, first: (tx: Tx) => Promise<void>) {
  const started = Promise.withResolvers<void>();
  const rest = Promise.withResolvers<(tx: Tx) => Promise<void>>();
  const done = sql.begin(async (tx) => {
    await first(tx);
    started.resolve();
    await (await rest.promise)(tx);
  });
  await Promise.race([started.promise, done]);
  return {
    async commit(last: (tx: Tx) => Promise<void> = () => Promise.resolve()) {
      rest.resolve(last);
      await done;
    },
  };
}

async function order(tx: Tx, { names }: Pipeline): Promise<void> {
  await placeOrderInTransaction(
    tx,
    { userId: "user-early", amount: "10.00", currency: "EUR" },
    { topic: names.ordersTopic, shards: 1, now: () => new Date() },
  );
}

async function numbered(tx: Tx, { sequences }: Pipeline): Promise<void> {
  const [row] = await tx<{ seq: number }[]>`
    insert into torture_sequence (key, seq) values ('key', 1)
    on conflict (key) do update set seq = torture_sequence.seq + 1 returning seq
  `;
  const value = new TextEncoder().encode(JSON.stringify({ key: "key", seq: row?.seq, pad: "" }));
  await appendInTransaction(tx, {
    ...{ topic: sequences.input, key: "key", value },
    ...{ eventId: crypto.randomUUID(), eventType: "Numbered" },
  }, { shards: 1 });
}
