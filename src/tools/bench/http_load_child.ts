/** The load of the HTTP measurement: orders to `POST /orders`, on schedule or as fast as answers come. */
import { z } from "zod";
import { delay } from "../../engine/core/delay.ts";
import { benchKey } from "./bench_event.ts";
import { epochMs } from "./progress_teller.ts";
import { readJobLine } from "./read_job_line.ts";

/** What it is told. */
export const httpJobSchema = z.object({
  url: z.string(),
  token: z.string().optional(),
  /** Orders in a second, in an open loop; 0 for as many as the connections bear. */
  rate: z.number(),
  seconds: z.number(),
  connections: z.number(),
  /** The first order's number. */
  from: z.number(),
});

/** What it tells at the end. */
export const httpResultSchema = z.object({
  event: z.literal("http"),
  started_ms: z.number(),
  seconds: z.number(),
  accepted: z.number(),
  /** Answers that are not 202, by their status; 0 for none. */
  refused: z.record(z.string(), z.number()),
  /** From the moment an order was due (or sent) to its answer, microseconds. */
  latencies_us: z.array(z.number()),
});

type HttpJob = z.output<typeof httpJobSchema>;

async function run(job: HttpJob): Promise<z.output<typeof httpResultSchema>> {
  const headers = {
    "content-type": "application/json",
    ...(job.token && { authorization: `Bearer ${job.token}` }),
  };
  const latencies: number[] = [];
  const refused: Record<string, number> = {};
  const place = async (number: number, dueMs: number) => {
    let status = 0;
    try {
      const answer = await fetch(job.url, {
        method: "POST",
        headers,
        body: JSON.stringify({
          user_id: `customer-${number % 9_973}`,
          amount: "12.34",
          order_id: benchKey(number),
        }),
      });
      await answer.text();
      status = answer.status;
    } catch {
      // No answer counts as status 0.
    }
    if (status === 202) latencies.push(Math.round((epochMs() - dueMs) * 1_000));
    else refused[status] = (refused[status] ?? 0) + 1;
  };
  const startedMs = epochMs();
  const endMs = startedMs + job.seconds * 1_000;
  let next = 0;
  if (job.rate === 0) {
    await Promise.all(Array.from({ length: job.connections }, async () => {
      while (epochMs() < endMs) await place(job.from + next++, epochMs());
    }));
  } else {
    const pending = new Set<Promise<void>>();
    const count = Math.ceil(job.rate * job.seconds);
    const dueMs = (index: number) => startedMs + index * 1_000 / job.rate;
    while (next < count) {
      while (next < count && dueMs(next) <= epochMs()) {
        const placing = place(job.from + next, dueMs(next)).then(() =>
          void pending.delete(placing)
        );
        pending.add(placing);
        next++;
        if (pending.size >= job.connections) await Promise.race(pending);
      }
      await delay(1);
    }
    await Promise.all(pending);
  }
  return {
    event: "http",
    started_ms: startedMs,
    seconds: (epochMs() - startedMs) / 1_000,
    accepted: latencies.length,
    refused,
    latencies_us: latencies,
  };
}

if (import.meta.main) {
  const result = await run(httpJobSchema.parse(JSON.parse(await readJobLine())));
  await new Response(`${JSON.stringify(result)}\n`).body?.pipeTo(Deno.stdout.writable);
  Deno.exit(0);
}
