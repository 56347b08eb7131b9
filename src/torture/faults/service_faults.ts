/** Faults of the services: brokers and Postgres killed, restarted or stopped, leaders moved, sessions ended, writers open. */
import { delay } from "../../core/delay.ts";
import type { Arena } from "../arena.ts";
import type { FaultKind } from "../fault.ts";
import { moveLeaders } from "../kafka_tool.ts";
import { placeOrderInTransaction } from "../../orders/place_order.ts";
import type { Service } from "../private_cluster.ts";

/** All of them. */
export function serviceFaults(): FaultKind[] {
  return [...brokerFaults(), ...postgresFaults()];
}

function brokerFaults(): FaultKind[] {
  return [
    {
      kind: "broker killed and restarted",
      track: "infrastructure",
      weight: 3,
      draw: (random, { brokers }) => ({
        victim: `broker-${random.integer(1, brokers)}`,
        amounts: { downMs: random.integer(100, 5_000) },
      }),
      strike: ({ cluster }, { victim, amounts }, signal) =>
        killAndRestart(brokerOf(cluster, victim), amounts.downMs ?? 0, signal),
    },
    {
      kind: "rolling restart of the brokers",
      track: "infrastructure",
      weight: 1,
      draw: () => ({ victim: "brokers" }),
      async strike({ cluster }) {
        for (const broker of cluster.brokers) {
          await broker.stop();
          await broker.start();
        }
        return true;
      },
    },
    {
      kind: "broker stopped and continued",
      track: "infrastructure",
      weight: 1,
      draw: (random, { brokers }) => ({
        victim: `broker-${random.integer(1, brokers)}`,
        amounts: { stopMs: random.integer(500, 6_000) },
      }),
      async strike({ cluster }, { victim, amounts }, signal) {
        const broker = brokerOf(cluster, victim);
        if (!await broker.freeze(true)) return false;
        try {
          await delay(amounts.stopMs ?? 500, signal);
        } finally {
          await broker.freeze(false);
        }
        return broker.running;
      },
    },
    {
      kind: "leaders and coordinators moved",
      track: "infrastructure",
      weight: 2,
      needsThreeBrokers: true,
      draw: () => ({ victim: "brokers" }),
      strike: async ({ tools }) => await moveLeaders(tools) > 0,
    },
  ];
}

function postgresFaults(): FaultKind[] {
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
      kind: "Postgres connections terminated",
      track: "infrastructure",
      weight: 3,
      draw: () => ({ victim: "postgres" }),
      async strike({ sql }) {
        const ended = await sql`
          select pg_terminate_backend(pid) from pg_stat_activity
          where backend_type = 'client backend' and pid <> pg_backend_pid()
            and application_name <> 'onceflow torture'
        `;
        return ended.length > 0;
      },
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

function brokerOf({ brokers }: Arena["cluster"], victim: string) {
  const broker = brokers.find(({ nodeId }) => victim === `broker-${nodeId}`);
  if (!broker) throw new Error(`there is no ${victim}`);
  return broker;
}

async function killAndRestart(
  service: Service,
  downMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const killed = await service.kill();
  await delay(downMs, signal).catch(() => {});
  await service.start();
  return killed;
}

const undone = new Error("undone on purpose");

/** Takes its xid and a position, and stays open: nothing behind that may be announced before it has ended. */
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

const endAttemptsMax = 50;

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
  // It must not stay: nothing would ever be announced again.
  for (let attempt = 1;; attempt++) {
    try {
      await sql.unsafe(statement);
      return true;
    } catch (error) {
      if (attempt >= endAttemptsMax) throw error;
      await delay(200);
    }
  }
};

/** Place_order is one statement: it needs of a transaction only that it runs on its connection. */
function asTx(connection: unknown): Parameters<typeof placeOrderInTransaction>[0] {
  return connection as Parameters<typeof placeOrderInTransaction>[0];
}
