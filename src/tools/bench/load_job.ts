/** What a process that makes load is told, and what it tells. */
import { z } from "zod";
import { jobSchema } from "./job.ts";

/** Events to write to a topic at a fixed rate, on schedule whatever becomes of the ones before (an open loop). */
export const loadJobSchema = jobSchema.pick({ kafka: true, partitions: true }).extend({
  topic: z.string(),
  /** Events in a second. */
  rate: z.number(),
  /** The first event's number; event n is due at `started + (n - from) / rate`. */
  from: z.number(),
  count: z.number(),
});
/** See {@linkcode loadJobSchema}. */
export type LoadJob = z.output<typeof loadJobSchema>;

/** What it tells: when the first event is due, and at the end what its sends took. */
export const loadEventSchema = z.discriminatedUnion("event", [
  z.object({ event: z.literal("started"), at_ms: z.number() }),
  z.object({
    event: z.literal("sent"),
    count: z.number(),
    /** From the moment an event was due to the acknowledgement of its send: its 99th percentile. */
    acked_p99_ms: z.number(),
  }),
]);
/** See {@linkcode loadEventSchema}. */
export type LoadEvent = z.output<typeof loadEventSchema>;
