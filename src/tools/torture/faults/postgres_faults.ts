/** Faults of Postgres: killed, restarted or stopped, sessions ended, writers open. */
import { delay } from "../../../engine/core/delay.ts";
import { placeOrderInTransaction } from "../../../app/orders/place_order.ts";
import type { FaultKind } from "../fault.ts";
import { endSessions, insist, sessionPids } from "./database_sessions.ts";
import { freezeForAWhile, killAndRestart } from "./service_outage.ts";

/** All of them. */
export function postgresFaults(): FaultKind[] {
  return [
    {
      kind: "Postgres killed and restarted",
      track: "infrastructure",
      weight: 2,
      draw: (random) => ({ victim: "postgres", amounts: { downMs: random.integer(0, 4_000) } }),
      strike: ({ cluster }, { amounts }, signal) =>
        killAndRestart(cluster.postgres, amounts.downMs ?? 0, signal),
    },
    {
      kind: "Postgres restarted in order",
      track: "infrastructure",
      weight: 1,
      draw: () => ({ victim: "postgres" }),
      async strike({ cluster: { postgres } }) {
        await postgres.stop();
        await postgres.start();
        return true;
      },
    },
    {
      kind: "Postgres stopped and continued",
      track: "infrastructure",
      weight: 1,
      draw: (random) => ({ victim: "postgres", amounts: { stopMs: random.integer(500, 6_000) } }),
      async strike({ cluster: { postgres }, sql }, { amounts }, signal) {
        const pids = (await sessionPids(sql)).map(String);
        await signalAll("-STOP", pids);
        try {
          return await freezeForAWhile(postgres, amounts.stopMs ?? 500, signal) && pids.length > 0;
        } finally {
          await signalAll("-CONT", pids);
        }
      },
    },
    {
      kind: "Postgres connections terminated",
      track: "infrastructure",
      weight: 3,
      draw: () => ({ victim: "postgres" }),
      strike: async ({ sql }) => await endSessions(sql) > 0,
    },
    {
      kind: "a long writer",
      track: "infrastructure",
      weight: 2,
      draw: (random) => ({
        victim: "postgres",
        amounts: { openMs: random.integer(1_000, 4_000), kept: random.integer(0, 1) },
      }),
      strike: longWriter,
    },
    {
      kind: "a prepared transaction",
      track: "infrastructure",
      weight: 2,
      draw: (random) => ({
        victim: "postgres",
        amounts: { openMs: random.integer(1_000, 4_000), kept: random.integer(0, 1) },
      }),
      strike: preparedTransaction,
    },
  ];
}

async function signalAll(signal: "-STOP" | "-CONT", pids: readonly string[]): Promise<void> {
  if (pids.length > 0) await new Deno.Command("/bin/kill", { args: [signal, ...pids] }).output();
}

const undone = new Error("undone on purpose");

/** Takes its xid and a position, and stays open: nothing behind that may be published before it has ended. */
const longWriter: FaultKind["strike"] = async (
  { sql, ordersTopic, shards },
  { amounts },
  signal,
) => {
  try {
    await sql.begin(async (tx) => {
      await tx`select pg_current_xact_id()`;
      await placeOrderInTransaction(tx, anOrder, {
        ...{ topic: ordersTopic, shards },
        now: () => new Date(),
      });
      await delay(amounts.openMs ?? 1_000, signal);
      if (amounts.kept === 0) throw undone;
    });
  } catch (error) {
    if (error !== undone) throw error;
  }
  return true;
};

const anOrder = { userId: "user-long", amount: "10.00", currency: "EUR" } as const;

const preparedTransaction: FaultKind["strike"] = async (
  { sql, ordersTopic, shards },
  { amounts },
  signal,
) => {
  const name = `torture-${crypto.randomUUID()}`;
  const connection = await sql.reserve();
  try {
    await connection`begin`;
    // The driver's transactions end by themselves; this one is to be prepared, so it is written by hand.
    await placeOrderInTransaction(asTx(connection), anOrder, {
      ...{ topic: ordersTopic, shards },
      now: () => new Date(),
    });
    await connection.unsafe(`prepare transaction '${name}'`);
  } finally {
    connection.release();
  }
  await delay(amounts.openMs ?? 1_000, signal).catch(() => {});
  const statement = `${amounts.kept === 0 ? "rollback" : "commit"} prepared '${name}'`;
  // It must not stay: nothing would ever be published again.
  await insist(() => sql.unsafe(statement));
  return true;
};

/** Place_order is one statement: it needs of a transaction only that it runs on its connection. */
function asTx(connection: unknown): Parameters<typeof placeOrderInTransaction>[0] {
  return connection as Parameters<typeof placeOrderInTransaction>[0];
}
