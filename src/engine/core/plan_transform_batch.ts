/** Plans the records of a batch flow in one call, where that goes well. Writes nothing. */
import { getLogger } from "../packages/logtape.ts";
import { addOutputs, type BoundedTarget } from "./add_outputs.ts";
import type { BatchTransform } from "./batch_transform.ts";
import { DependencyDownError, HaltError } from "./errors.ts";
import type { Flow } from "./flow.ts";
import { emit, type PlanContext, readEvent } from "./plan_record.ts";
import { passedOver, type Planned } from "./planned.ts";
import { isForAnother } from "./redriven_for.ts";
import type { InputRecord } from "./record.ts";

const log = getLogger(["onceflow", "core", "lane"]);

/**
 * What becomes of these records; what the call emits stands with the first of them that was in it. Undefined where they must
 * be planned one by one: the call has thrown, or has emitted what cannot be written.
 *
 * @throws {DependencyDownError} when the transform says so; the caller waits and plans again
 */
export async function planTransformBatch<T>(
  flow: Flow<T>,
  transformBatch: BatchTransform<T>,
  records: readonly InputRecord[],
  target: BoundedTarget,
  { signal, once }: PlanContext,
): Promise<readonly Planned[] | undefined> {
  const planned: Planned[] = [];
  const events: T[] = [];
  const batch: InputRecord[] = [];
  let place = -1;
  for (const [index, record] of records.entries()) {
    planned[index] = passedOver;
    if (isForAnother(record, flow.groupId)) continue;
    const read = readEvent(flow, record);
    if ("kind" in read) {
      planned[index] = read;
      continue;
    }
    if (place < 0) place = index;
    events.push(read.event);
    batch.push(record);
  }
  const [first] = batch;
  if (first === undefined) return planned;
  try {
    const outcome = emit(
      await transformBatch(events, { records: batch, attempt: 1, signal, once }),
    );
    if (outcome.kind !== "emit" || addOutputs(flow, first, outcome.emissions, target, [])) {
      return undefined;
    }
    planned[place] = outcome;
    return planned;
  } catch (error) {
    if (error instanceof DependencyDownError || error instanceof HaltError) throw error;
    signal.throwIfAborted();
    log.info("{count} records of {topic} failed together, and are worked on one by one: {error}", {
      ...{ count: batch.length, topic: first.topic },
      // Nobody knows which of them it quotes.
      error: flow.from.redact === undefined
        ? error
        : error instanceof Error
        ? error.name
        : typeof error,
    });
    return undefined;
  }
}
