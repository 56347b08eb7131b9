/** Outbox rows that the relay has passed by and holds back: they lie below its cursor, and are neither lost nor published. */
import { heldIn } from "../../engine/outbox/relay_cursor.ts";
import type { Spill } from "./spill.ts";

/** Notes what the cursor of one shard says of the rows of this topic. */
export function noteWithheld(spill: Spill, topic: string, shard: number, metadata: string): void {
  for (const hold of heldIn(metadata)) {
    if (hold.topic !== topic) continue;
    spill.run("insert into withheld values (?, ?, ?)", shard, hold.after, hold.key ?? null);
  }
}

/** A condition on a row `e` of the table `expected`. */
export const isWithheld = `(e.has_outbox and exists (select 1 from withheld w
  where w.shard = e.shard and e.position > w.after and (w.key is null or w.key = e.key)))`;
