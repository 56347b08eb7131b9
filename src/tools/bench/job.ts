/** What a measured process is told, and what it tells: one line of JSON on its standard input, lines of JSON on its output. */
import { z } from "zod";
import type { KafkaSettings } from "../../engine/kafka/kafka_client.ts";

/** What to do. The first eight fields are all that a peer needs. */
export const jobSchema = z.object({
  brokers: z.array(z.string()),
  input: z.string(),
  output: z.string(),
  group: z.string(),
  guarantee: z.enum(["exactly-once", "at-least-once", "at-most-once"]),
  /** It ends after this many; 0 runs until SIGTERM. */
  records: z.number(),
  /** Records in one transaction. */
  batch_records: z.number(),
  /** Records in one produce request, for those who must say. */
  send_records: z.number(),
  /** How to connect, for onceflow's own processes. */
  kafka: z.object({
    brokers: z.array(z.string()),
    clientId: z.string(),
    ssl: z.custom<KafkaSettings["ssl"]>(),
    sasl: z.custom<KafkaSettings["sasl"]>().optional(),
  }),
  /** `count` is `plain` with a count for each key beside it, kept as state. */
  work: z.enum(["plain", "lookup", "count"]),
  database_url: z.string(),
  partitions: z.number(),
  session_timeout_ms: z.number(),
});
/** What to do. */
export type Job = z.output<typeof jobSchema>;

/** How far a process has come. Times are milliseconds since the epoch. */
export const progressSchema = z.object({
  event: z.literal("progress"),
  /** Committed so far by this process. */
  records: z.number(),
  /** When the first record reached the transform. */
  first_ms: z.number(),
  /** When the last of `records` was committed. */
  at_ms: z.number(),
  /** Processor time, user and system, from the first record to that commit. */
  cpu_ms: z.number(),
  rss_mib: z.number(),
});
/** How far a process has come. */
export type Progress = z.output<typeof progressSchema>;
