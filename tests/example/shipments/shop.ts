/** The shop's services and tables: a till that takes payments and publishes them, and who was sent what. */
import { append, migrateOutbox } from "@onceflow/onceflow/outbox";
import { defineProjection, readEvent } from "@onceflow/onceflow/projection";
import type { Sql } from "postgres";
import { payments, shipments } from "./shipping.ts";

const { env } = Deno;
/** Its own schema holds all its tables, and names its outbox. */
export const schema = env.get("STAGE") ?? "shop";
export const outbox = { schema };
export const databaseUrl = env.get("DATABASE_URL") ?? "";
export const kafka = {
  brokers: (env.get("KAFKA_BROKERS") ?? "127.0.0.1:9092").split(","),
  clientId: "shop",
  ssl: false,
  namespace: schema,
};

/** To be called once before the first payment. */
export async function openTill(sql: Sql): Promise<void> {
  await migrateOutbox(sql, outbox);
  await sql`
    create table if not exists ${sql(`${schema}.payment`)}
      (order_id text primary key, cents int not null check (cents > 0))
  `;
}

/** The payment and its event, or neither; paid twice is refused by the table. */
export async function pay(
  sql: Sql,
  order_id: string,
  cents: number,
): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`
      insert into ${tx(`${schema}.payment`)} (order_id, cents) values (${order_id}, ${cents})
    `;
    await append(tx, payments.event({ order_id, cents }), outbox);
  });
}

/** Which orders were sent, and how many times: never more than once. */
export const sent = defineProjection({
  name: "sent",
  version: 1,
  topics: [shipments.name],
  tables: [{
    name: "sent",
    ddl: (table) => `
      create table ${table} (order_id text primary key, sku text, items int, cents int, times int)
    `,
  }],
  decode: (record) => readEvent(shipments, record),
  async apply(tx, events, table) {
    for (const { order_id, sku, items, cents } of events) {
      await tx`
        insert into ${tx(table("sent"))} as s (order_id, sku, items, cents, times)
        values (${order_id}, ${sku}, ${items}, ${cents}, 1)
        on conflict (order_id) do update set times = s.times + 1
      `;
    }
  },
});
