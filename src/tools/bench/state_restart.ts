/** How long a flow that keeps state takes until it works again: from the start of its process to its first commit. */
import { unlessAborted } from "../../engine/core/delay.ts";
import { openPlainProducer } from "../../engine/kafka/plain_producer.ts";
import { checkOutput, isPerfect } from "./check_output.ts";
import { type BenchContext, ownProcess } from "./context.ts";
import { drain } from "./drain.ts";
import { fillTopic, inputRecord } from "./fill_topic.ts";
import type { Progress } from "./job.ts";
import { MeasuredProcess } from "./measured_process.ts";

/** What a restart showed. */
export interface StateRestart {
  readonly seconds: number;
  readonly rssMiB: number;
}

const stallMsMax = 120_000;
/** What comes after the restart; enough for each partition to have some. */
const laterRecords = 100;

/**
 * Keeps a count for each of so many keys, ends, and starts again with more to do.
 *
 * @throws {Error} when the process ends early, stands still, or what comes out is not what went in
 */
export async function restartWithState(
  context: BenchContext,
  name: string,
  keys: number,
  partitions = 4,
): Promise<StateRestart> {
  const { client, probe, signal } = context;
  const input = await context.topic(`${name}.in`, partitions);
  const output = await context.topic(`${name}.out`, partitions);
  const job = context.job({ input, output, group: name, work: "count", partitions, records: keys });
  const command = ownProcess("flow_child.ts");
  try {
    await fillTopic(client, input, { count: keys, partitions, signal });
    await drain(probe, { command, processes: 1, job, stallMsMax, signal });
    await using producer = await openPlainProducer(client);
    await producer.send(
      Array.from({ length: laterRecords }, (_, n) => inputRecord(input, keys + n, { partitions })),
    );
    const first = Promise.withResolvers<Progress>();
    const startedMs = Date.now();
    await using child = new MeasuredProcess(
      command,
      { ...job, records: laterRecords },
      first.resolve,
    );
    child.ended.then(() => first.reject(new Error(`it ended early: ${child.complaint}`)));
    const limit = AbortSignal.any([signal, AbortSignal.timeout(stallMsMax)]);
    const { at_ms, rss_mib } = await unlessAborted(first.promise, limit);
    await unlessAborted(child.ended, limit);
    const check = await checkOutput(probe, output, {
      expected: keys + laterRecords,
      work: "count",
    });
    if (!isPerfect(check)) throw new Error(`what came out is not what went in: ${check.first}`);
    return { seconds: (at_ms - startedMs) / 1_000, rssMiB: rss_mib };
  } finally {
    if (!signal.aborted) {
      for (const topic of [input, output]) await context.drop(topic).catch(() => {});
      await probe.delete([`onceflow.${job.group}.state`]).catch(() => {});
    }
  }
}
