/** Makes the original record out of a dead letter: the bytes that failed, for the place that they came from. Pure. */
import { HaltError } from "../core/errors.ts";
import { partitionForKey } from "../core/partition_for_key.ts";
import { type OutputRecord, textHeader } from "../core/record.ts";
import { formatAddress } from "./dead_letter_address.ts";
import { parkedHeader, parkedSkipHeader } from "./parked_link.ts";
import { type DeadLetter, originalHeaders } from "./read_dead_letter.ts";

/** The header that says which dead letter a record was redriven from: `<dlq>/<partition>/<offset>`. */
export const redrivenFromHeader = "x-redriven-from";

/**
 * The record to write. Key and value are the original's, and so are the headers, with `x-redriven-from` behind them (in
 * the place of an older one, if this is not its first redrive).
 *
 * It goes to the partition that it came from, which keeps the order of its key also where partitions were added since;
 * another topic (`to`) gets it by key.
 *
 * @param target the topic that it goes to and how many partitions that has; with `skip`, the lane of a parked key passes
 * it over when its turn comes
 * @throws {HaltError} when it does not say where it came from and no other topic is named
 */
export function restoreRecord(
  { record, origin }: DeadLetter,
  target: { readonly topic: string; readonly partitionCount: number; readonly skip?: boolean },
): OutputRecord {
  const { topic, partitionCount, skip = false } = target;
  const kept = origin?.topic === topic && origin.partition < partitionCount;
  const partition = kept
    ? origin.partition
    : record.key === null
    ? record.partition % partitionCount
    : partitionForKey(record.key, partitionCount);
  const from = `${record.topic}/${formatAddress(record)}`;
  const ours = [redrivenFromHeader, parkedSkipHeader];
  // A place in the queue of a parked key means something only in the topic that the key is parked in.
  if (origin?.topic !== topic) ours.push(parkedHeader);
  const headers = originalHeaders(record.headers).filter(([name]) => !ours.includes(name));
  return {
    topic,
    partition,
    key: record.key,
    value: record.value,
    headers: [
      ...headers,
      ...(skip ? [textHeader(parkedSkipHeader, "true")] : []),
      textHeader(redrivenFromHeader, from),
    ],
  };
}

/** The topic that a dead letter goes back to. */
export function targetTopic({ record, origin }: DeadLetter, to: string | undefined): string {
  const topic = to ?? origin?.topic;
  if (topic !== undefined) return topic;
  const address = formatAddress(record);
  throw new HaltError(
    `Dead letter ${address} of ${record.topic} does not say which topic it came from. Redrive it ` +
      `with "dlq redrive ${address} --to TOPIC"; the others can be redriven after that`,
  );
}
