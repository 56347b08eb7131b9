/** The foreign project's events, outbox and read model: what its programs and its tests share. */
import { topic } from "@onceflow/onceflow";
import { defineProjection, readEvent } from "@onceflow/onceflow/projection";
import { z } from "zod";

/** Where its services are, and what nobody else has. */
export const brokers = (Deno.env.get("KAFKA_BROKERS") ?? "").split(",");
export const databaseUrl = Deno.env.get("DATABASE_URL") ?? "";
const unique = Deno.env.get("UNIQUE") ?? "";
export const kafka = { brokers, clientId: "shipping", ssl: false };
export const outbox = { schema: `shipping_${unique}` };

export const parcels = topic(`packed-${unique}`, {
  read: z.object({ parcel_id: z.string(), items: z.int() }),
  key: ({ parcel_id }) => parcel_id,
});

export const shelf = defineProjection({
  name: `shelf_${unique}`,
  version: 1,
  topics: [parcels.name],
  tables: [{
    name: "shelf",
    ddl: (table) => `create table ${table} (parcel_id text primary key, items int not null)`,
  }],
  decode: (record) => readEvent(parcels, record),
  async apply(tx, events, table) {
    for (const { parcel_id, items } of events) {
      await tx`insert into ${
        tx(table("shelf"))
      } (parcel_id, items) values (${parcel_id}, ${items})`;
    }
  },
});
