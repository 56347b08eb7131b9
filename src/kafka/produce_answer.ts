/** Reads the answer to a Produce request of version 12. Owns its layout, never what an error means. */
import { WireReader } from "./codec/wire_reader.ts";
import { createErrorFromCode } from "./vendor.ts";

const concurrentTransactions = 51;

/**
 * Parses an answer from the header's tag buffer on. Throws the error of a partition; CONCURRENT_TRANSACTIONS only where
 * every partition was refused so, since that one alone is taken for "nothing was written".
 */
export function parseProduceAnswer(bytes: Uint8Array): void {
  const reader = new WireReader(bytes);
  reader.tags();
  const codes = reader.array(() => {
    reader.string();
    const ofTopic = reader.array(() => {
      reader.int32();
      const errorCode = reader.int16();
      reader.raw(24); // base offset, log append time, log start offset
      reader.array(() => {
        reader.int32();
        reader.string();
        reader.tags();
      });
      reader.string();
      reader.tags();
      return errorCode;
    });
    reader.tags();
    return ofTopic;
  }).flat();
  const failed = codes.filter((code) => code !== 0);
  if (failed.length === 0) return;
  const other = failed.find((code) => code !== concurrentTransactions);
  if (other !== undefined) throw createErrorFromCode()(other);
  if (failed.length === codes.length) throw createErrorFromCode()(concurrentTransactions);
  throw new Error("Produce: some partitions are written, and others refused as concurrent");
}
