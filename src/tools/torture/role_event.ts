/** What a process under torture tells on its standard output, one JSON line each. */
import { z } from "zod";
import { innerPoints } from "./crash_points.ts";

/** See each kind's comment. */
export const roleEvent = z.discriminatedUnion("event", [
  /** It is connected and its roles run. */
  z.object({ event: z.literal("ready") }),
  /** A transaction of the role was committed: `records` read, `written` records. */
  z.object({
    event: z.literal("committed"),
    role: z.enum(["relay", "flow", "sequences", "projector"]),
    records: z.number(),
    written: z.number(),
    /** Of the relay: the shard of the outbox. */
    shard: z.number().optional(),
  }),
  /** A commit whose answer was lost, and what the committed offset said of it. */
  z.object({ event: z.literal("resolved"), outcome: z.enum(["committed", "aborted"]) }),
  /** In one partition it ended a transaction that Kafka had forgotten. */
  z.object({ event: z.literal("forgotten"), outcome: z.enum(["commit", "abort"]) }),
  /** It stands at a crash point and waits to be killed. */
  z.object({ event: z.literal("reached"), point: z.enum(innerPoints) }),
  /** It halted: going on would lose or double something. */
  z.object({ event: z.literal("halted"), reason: z.string() }),
]);
/** One line of a child. */
export type RoleEvent = z.output<typeof roleEvent>;
