/** Reads the answer to a Produce request of version 8 or 12. Owns their layout, never what an error means. */
import type { TopicPartition } from "../core/record.ts";
import { WireReader } from "./codec/wire_reader.ts";
import type { RecordClock } from "./record_clock.ts";
import { createErrorFromCode } from "./vendor.ts";

/** What is said of the batch of one partition. */
interface ProducedPartition extends TopicPartition {
  readonly errorCode: number;
  /** The broker's clock, where it stamps the topic's records itself; -1 where the records keep ours. */
  readonly appendedAtMs: number;
  /** Why records were refused, in the broker's words. */
  readonly reasons: readonly string[];
}

const concurrentTransactions = 51;
const invalidTimestamp = 32;

/**
 * Parses an answer of version 12, from the header's tag buffer on, or of version 8, and tells `clock` of the broker's time.
 * Throws the error of a partition; CONCURRENT_TRANSACTIONS only where every partition was refused so, since that one alone
 * is taken for "nothing was written".
 */
export function parseProduceAnswer(
  bytes: Uint8Array,
  clock?: RecordClock,
  encoding: "compact" | "classic" = "compact",
): void {
  const reader = new WireReader(bytes, encoding, "the answer to Produce");
  reader.tags();
  const partitions = reader.array(() => {
    const topic = reader.text();
    const ofTopic = reader.array((): ProducedPartition => {
      const partition = reader.int32();
      const errorCode = reader.int16();
      reader.raw(8); // base offset
      const appendedAtMs = Number(reader.int64());
      reader.raw(8); // log start offset
      const reasons = reader.array(() => {
        reader.int32();
        const reason = reader.text();
        reader.tags();
        return reason;
      });
      reasons.push(reader.text());
      reader.tags();
      return { topic, partition, errorCode, appendedAtMs, reasons };
    });
    reader.tags();
    return ofTopic;
  }).flat();
  for (const { topic, errorCode, appendedAtMs, reasons } of partitions) {
    if (errorCode === invalidTimestamp) clock?.refused(topic, reasons);
    else if (errorCode === 0 && appendedAtMs >= 0) clock?.seen(appendedAtMs);
  }
  const failed = partitions.filter(({ errorCode }) => errorCode !== 0);
  const [first] = failed;
  if (!first) return;
  const other = failed.find(({ errorCode }) => errorCode !== concurrentTransactions);
  if (other) throw errorOf(other);
  if (failed.length === partitions.length) throw errorOf(first);
  throw new Error("Produce: some partitions are written, and others refused as concurrent");
}

/** The protocol's error, with the name of what it is about. */
function errorOf({ topic, partition, errorCode }: ProducedPartition): Error {
  return Object.assign(createErrorFromCode()(errorCode), { topic, partition });
}
