/** How far the orders of a demonstration have come, and when nothing of them is under way any more. */
import { groupsOf } from "../../app/compose/roles.ts";
import type { Runtime } from "../../app/compose/open_runtime.ts";
import { viewsOf } from "../../app/compose/prepare_schema.ts";
import { delay } from "../../engine/core/delay.ts";
import type { TopicPartition } from "../../engine/core/record.ts";
import { readLogRange } from "../../engine/kafka/log_range.ts";
import { createTransactions } from "../../engine/kafka/transactions.ts";
import { untilAnswered } from "../../engine/kafka/until_answered.ts";
import type { Sql } from "../../engine/postgres/database.ts";
import { waitForPostgres } from "../../engine/projection/wait_for_postgres.ts";
import { type Follower, untilCaughtUp } from "./caught_up.ts";

const countPollMs = 200;
const databaseBackoff = { firstMs: 200, waitMsMax: 2_000 };

/** Polls the read model until stopped; resolves nothing, tells the latest count. */
export function countSettled(
  sql: Sql,
  run: string,
  signal: AbortSignal,
  onCount: (settled: number) => void,
): { latest(): number; read(): Promise<number> } {
  let settled = 0;
  const read = async () => {
    const [row] = await sql<{ settled: number }[]>`
      select count(*) as settled from order_view
      where order_id like ${`demo-${run}-%`} and user_id is not null and status <> 'placed'
    `;
    settled = row?.settled ?? 0;
    onCount(settled);
    return settled;
  };
  const timer = setInterval(() => void read().catch(() => {}), countPollMs);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  return { latest: () => settled, read };
}

/** Resolves when every accepted order is settled, and flow and projector have read all that is on their topics. */
export async function untilSettled(
  { client, config, database, partitions }: Runtime,
  counting: { read(): Promise<number> },
  accepted: number,
  signal: AbortSignal,
): Promise<void> {
  const fromPostgres = <T>(read: () => Promise<T>) =>
    waitForPostgres(read, databaseBackoff, signal);
  const fromKafka = <T>(read: () => Promise<T>) =>
    untilAnswered("read how far the pipeline has come", read, { signal });
  while (await fromPostgres(counting.read) < accepted) await delay(countPollMs, signal);
  await using transactions = createTransactions(client, {
    transactionTimeoutMs: config.TRANSACTION_TIMEOUT_MS,
  });
  const cluster = client.cluster();
  const all = (topic: string) =>
    Array.from({ length: partitions.get(topic) ?? 0 }, (_, partition) => ({ topic, partition }));
  const projection = viewsOf(config);
  const followers: Follower[] = [
    {
      name: "invoicing",
      partitions: all(config.ORDERS_TOPIC),
      position: (partition) =>
        fromKafka(() => transactions.stableOffset(groupsOf(config).invoicing, partition, signal)),
    },
    {
      name: "projector",
      partitions: projection.topics.flatMap(all),
      position: async ({ topic, partition }) => {
        const [row] = await fromPostgres(async () =>
          await database.sql<{ offset: number }[]>`
            select next_offset as offset from projection_positions
            where projection = ${projection.name} and topic = ${topic} and partition = ${partition}
          `
        );
        return { offset: row?.offset ?? -1 };
      },
    },
  ];
  try {
    const range = (partition: TopicPartition) => fromKafka(() => readLogRange(cluster, partition));
    await untilCaughtUp(followers, range, signal);
  } finally {
    await cluster.disconnect();
  }
}
