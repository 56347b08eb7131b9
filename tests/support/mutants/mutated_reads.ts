/** Reads of the outbox that make one deliberate mistake each. */
import { delay } from "../../../src/engine/core/delay.ts";
import { textHeader } from "../../../src/engine/core/record.ts";
import type { Sql } from "../../../src/engine/postgres/database.ts";
import type { Pipeline } from "./pipeline.ts";

/** `position > cursor` and nothing else: the barrier is the end of the world, and every transaction counts as ended. */
export function withoutBarrier(sql: Sql): Sql {
  return answering(sql, "from outbox_mark(", [{ hi: Number.MAX_SAFE_INTEGER, xid: "3" }]);
}

/** Below the cursor all is published: whether something was written there later is not asked. */
export function withoutLookingBack(sql: Sql): Sql {
  return answering(sql, "and xid >= ", []);
}

/** The same connection, which answers the statements with these words by itself. */
function answering(sql: Sql, words: string, rows: readonly object[]): Sql {
  return new Proxy(sql, {
    apply(target, self, given: Parameters<Sql>) {
      const text = Array.isArray(given[0]) ? given[0].join("") : "";
      return text.includes(words) ? Promise.resolve(rows) : Reflect.apply(target, self, given);
    },
  });
}

/**
 * Relays the numbered events in order of `(xid, position)`, below the horizon, until it has relayed so many: it looks right
 * and can invert a key. Somebody else's transaction on this server may hold the horizon for a while.
 */
export async function relayByXid(pipeline: Pipeline, eventsMin: number): Promise<void> {
  const { sql, names } = pipeline;
  const place = { groupId: names.relayGroup, topic: names.cursorTopic, partition: 0 };
  await using transactor = await pipeline.transactions().open(`${names.relayGroup}/by-xid`);
  const encoder = new TextEncoder();
  let [xid, position] = ["0", 0];
  for (let relayed = 0; relayed < eventsMin;) {
    const rows = await sql<
      { xid: string; position: number; topic: string; key: string; value: Uint8Array }[]
    >`
      select xid::text as xid, position, topic, key, value from outbox
      where (xid, position) > (${xid}::text::xid8, ${position})
        and xid < pg_snapshot_xmin(pg_current_snapshot())
      order by xid, position limit 10
    `;
    const last = rows.at(-1);
    relayed += rows.length;
    if (last) {
      await transactor.commit({
        records: rows.map(({ topic, key, value }) => ({
          ...{ topic, partition: 0, key: encoder.encode(key), value },
          headers: [textHeader("event_type", "Numbered")],
        })),
        offsets: [{ ...place, offset: last.position + 1 }],
      });
      ({ xid, position } = last);
    }
    await delay(5);
  }
}
