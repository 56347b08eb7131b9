/** The load of the latency measurements: events on schedule, in an open loop, from a process of their own. */
import { build } from "hdr-histogram-js";
import { delay } from "../../engine/core/delay.ts";
import { createKafkaClient } from "../../engine/kafka/kafka_client.ts";
import { openPlainProducer } from "../../engine/kafka/plain_producer.ts";
import { inputRecord } from "./fill_topic.ts";
import { type LoadEvent, type LoadJob, loadJobSchema } from "./load_job.ts";
import { epochMs } from "./progress_teller.ts";
import { readJobLine } from "./read_job_line.ts";

/** Events that fall due within this time share a send, as a producer with `linger.ms` does it. */
const lingerMs = 2;
/** More are not sent before one is answered: what falls due meanwhile waits, and its waiting counts. */
const sendsMax = 5;
const encoder = new TextEncoder();

async function run(job: LoadJob, signal: AbortSignal): Promise<void> {
  await using producer = await openPlainProducer(createKafkaClient(job.kafka));
  const startedAt = epochMs() + 50;
  const acked = build({ lowestDiscernibleValue: 1, highestTrackableValue: 600_000_000 });
  tell({ event: "started", at_ms: startedAt });
  const pending = new Set<Promise<void>>();
  const dueMs = (index: number) => startedAt + index * 1_000 / job.rate;
  let next = 0;
  while (next < job.count && !signal.aborted) {
    const now = epochMs();
    const due = Math.min(job.count, Math.floor((now - startedAt) * job.rate / 1_000) + 1);
    if (due > next) {
      const from = next;
      next = due;
      const records = Array.from(
        { length: due - from },
        (_, index) => inputRecord(job.topic, job.from + from + index, job),
      );
      const sending: Promise<void> = producer.send(records).then(() => {
        const at = epochMs();
        for (let index = from; index < due; index++) {
          acked.recordValue(Math.max(1, Math.round((at - dueMs(index)) * 1_000)));
        }
        pending.delete(sending);
      });
      pending.add(sending);
      if (pending.size >= sendsMax) await Promise.race(pending);
    }
    await delay(Math.max(lingerMs, dueMs(next) - epochMs()), signal).catch(() => {});
  }
  await Promise.all(pending);
  tell({ event: "sent", count: next, acked_p99_ms: acked.getValueAtPercentile(99) / 1_000 });
}

function tell(event: LoadEvent): void {
  Deno.stdout.writeSync(encoder.encode(`${JSON.stringify(event)}\n`));
}

if (import.meta.main) {
  const stop = new AbortController();
  Deno.addSignalListener("SIGTERM", () => stop.abort());
  await run(loadJobSchema.parse(JSON.parse(await readJobLine())), stop.signal);
  Deno.exit(0);
}
