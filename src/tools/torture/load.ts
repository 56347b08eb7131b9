/**
 * The load: orders over HTTP and straight into Postgres, and numbered events, by writers that roll back, keep part of a
 * transaction, and pause between taking their xid and appending. It keeps the list of what was acknowledged.
 */
import { v7 as uuidv7 } from "uuid";
import { delay } from "../../engine/core/delay.ts";
import { placeOrderInTransaction } from "../../app/orders/place_order.ts";
import { append } from "../../engine/outbox/mod.ts";
import type { Sql, Tx } from "../../engine/postgres/sql.ts";
import type { Random } from "./random.ts";
import { sequenceTopics } from "./sequence_flow.ts";

/** How much load. */
export interface LoadOptions {
  readonly writers: number;
  /** The longest pause of a writer between two transactions, milliseconds. */
  readonly pauseMsMax: number;
  readonly ordersTopic: string;
  readonly shards: number;
  readonly keys: number;
  /** Where `serve` listens, for the writers that post. */
  readonly httpUrl: string;
}

/** What was written. */
export interface Ledger {
  /** Orders that were acknowledged: they must be there at the end. */
  readonly acknowledged: Set<string>;
  posted: number;
  rolledBack: number;
  failed: number;
}

const currencies = ["USD", "EUR", "GBP", "XXX"];

/** The table of the numbered events: the last number of each key. */
export async function installSequences(sql: Sql): Promise<void> {
  await sql`create table if not exists torture_sequence (key text primary key, seq int not null)`;
}

/** Writes until the signal fires. Failures are counted and the writer goes on. */
export async function runLoad(
  sql: Sql,
  ledger: Ledger,
  options: LoadOptions,
  random: Random,
  signal: AbortSignal,
): Promise<void> {
  const writers = Array.from({ length: options.writers }, async (_, index) => {
    const own = random.fork(`writer ${index}`);
    while (!signal.aborted) {
      try {
        if (index % 3 === 2) await post(ledger, options, own, signal);
        else await write(sql, ledger, options, own, signal);
      } catch {
        // Postgres or serve is away, or a fault took this connection: that is the point of the run.
        ledger.failed++;
        await delay(100, signal).catch(() => {});
      }
      await delay(own.integer(0, options.pauseMsMax), signal).catch(() => {});
    }
  });
  await Promise.all(writers);
}

const rollback = new Error("rolled back on purpose");

async function write(
  sql: Sql,
  ledger: Ledger,
  options: LoadOptions,
  random: Random,
  signal: AbortSignal,
): Promise<void> {
  const written: string[] = [];
  try {
    await sql.begin(async (tx) => {
      if (random.chance(0.3)) {
        await tx`select pg_current_xact_id()`;
        await delay(random.integer(1, 60), signal).catch(() => {});
      }
      for (let step = random.integer(1, 3); step > 0; step--) {
        if (random.chance(0.2)) await insideSavepoint(tx, options, random);
        else if (random.chance(0.5)) written.push(await order(tx, options, random));
        else await numbered(tx, options, random);
      }
      if (random.chance(0.1)) await delay(random.integer(1, 40), signal).catch(() => {});
      if (random.chance(0.1)) throw rollback;
    });
    for (const id of written) ledger.acknowledged.add(id);
  } catch (error) {
    if (error !== rollback) throw error;
    ledger.rolledBack++;
  }
}

/** Half of them are undone: their positions stay gaps. */
async function insideSavepoint(tx: Tx, options: LoadOptions, random: Random): Promise<void> {
  const undone = random.chance(0.5);
  await tx.savepoint(async (inner) => {
    await order(inner, options, random);
    if (undone) throw rollback;
  }).catch((error) => {
    if (error !== rollback) throw error;
  });
}

async function order(tx: Tx, options: LoadOptions, random: Random): Promise<string> {
  const outcome = await placeOrderInTransaction(tx, {
    userId: `user-${random.integer(1, 20)}`,
    amount: `${random.integer(1, 999)}.${random.integer(10, 99)}`,
    currency: random.pick(currencies),
  }, { topic: options.ordersTopic, shards: options.shards, now: () => new Date() });
  if (outcome.kind !== "placed") throw new Error(`an order was not placed: ${outcome.kind}`);
  return outcome.orderId;
}

/** The key's row is locked first, so the numbers of a key are appended in the order in which they commit. */
async function numbered(tx: Tx, options: LoadOptions, random: Random): Promise<void> {
  const key = `key-${random.integer(1, options.keys)}`;
  const [row] = await tx<{ seq: number }[]>`
    insert into torture_sequence (key, seq) values (${key}, 1)
    on conflict (key) do update set seq = torture_sequence.seq + 1
    returning seq
  `;
  const pad = "x".repeat(random.integer(0, 300));
  const value = new TextEncoder().encode(JSON.stringify({ key, seq: row?.seq, pad }));
  await append(tx, { topic: sequenceTopics.input, key, value, type: "Numbered" });
}

const postAttemptsMax = 3;

/** Posts an order, and again with the same key when the answer did not come. */
async function post(
  ledger: Ledger,
  { httpUrl }: LoadOptions,
  random: Random,
  signal: AbortSignal,
): Promise<void> {
  const body = JSON.stringify({
    user_id: `user-${random.integer(1, 20)}`,
    amount: `${random.integer(1, 999)}.50`,
    currency: random.pick(currencies),
  });
  const headers = { "content-type": "application/json", "idempotency-key": uuidv7() };
  for (let attempt = 1; attempt <= postAttemptsMax; attempt++) {
    try {
      const answer = await fetch(`${httpUrl}/orders`, {
        ...{ method: "POST", headers, body },
        signal: AbortSignal.any([signal, AbortSignal.timeout(3_000)]),
      });
      const { order_id: orderId } = await answer.json();
      if (answer.status !== 202) continue;
      ledger.posted++;
      ledger.acknowledged.add(orderId);
      return;
    } catch (error) {
      if (signal.aborted || attempt === postAttemptsMax) throw error;
      await delay(200, signal);
    }
  }
}
