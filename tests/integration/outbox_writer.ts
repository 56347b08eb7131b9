/** A transaction that a test drives step by step, on a connection of its own, as a slow application would. */
import { appendInTransaction } from "../support/append_in_transaction.ts";
import type { Sql, Tx } from "../../src/engine/postgres/database.ts";

/** An open transaction. */
export interface Writer {
  readonly tx: Tx;
  /** Takes an xid without writing anything. */
  takeXid(): Promise<string>;
  /** Appends an event whose value is `text`; returns its position. */
  append(key: string, text: string): Promise<number>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

/** Opens a transaction and leaves it open. */
export async function openWriter(sql: Sql, shards = 1): Promise<Writer> {
  const opened = Promise.withResolvers<Tx>();
  const end = Promise.withResolvers<"commit" | "rollback">();
  const rolledBack = new Error("rolled back by the test");
  const ended = sql.begin(async (tx) => {
    opened.resolve(tx);
    if (await end.promise === "rollback") throw rolledBack;
  }).catch((error) => {
    opened.reject(error);
    if (error !== rolledBack) throw error;
  });
  ended.catch(() => {});
  const tx = await opened.promise;
  return {
    tx,
    takeXid: async () => (await tx`select pg_current_xact_id()::text as xid`)[0]?.xid,
    append: (key, text) => appendText(tx, key, text, shards),
    commit: async () => {
      end.resolve("commit");
      await ended;
    },
    rollback: async () => {
      end.resolve("rollback");
      await ended;
    },
  };
}

/** Appends a text as an event. */
export function appendText(tx: Tx, key: string, text: string, shards = 1): Promise<number> {
  return appendInTransaction(tx, {
    topic: "t",
    key,
    value: new TextEncoder().encode(text),
    eventId: crypto.randomUUID(),
    eventType: "Said",
  }, { shards });
}

/** Appends a text in a transaction of its own. */
export async function appendCommitted(sql: Sql, key: string, text: string, shards = 1) {
  await sql.begin((tx) => appendText(tx, key, text, shards));
}
