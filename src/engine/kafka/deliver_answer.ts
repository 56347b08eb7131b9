/** Hands a partition's part of a fetch to its feed: the records, or what stands against reading on. */
import { CodecError } from "./codec/codec_error.ts";
import type { FetchedPartition } from "./codec/decode_fetch_response.ts";
import type { PartitionFeed } from "./partition_feed.ts";
import { replacedError, unreadableError } from "./read_halts.ts";

/** `fetchedFrom` is the offset that was asked for. */
export function deliver(feed: PartitionFeed, fetchedFrom: number, answer: FetchedPartition): void {
  if (answer.diverging) {
    const { epoch, endOffset } = answer.diverging;
    const ends = `its leader epoch ${epoch} ends at ${endOffset}`;
    return feed.wanted === fetchedFrom
      ? feed.fail(replacedError(feed, fetchedFrom, ends))
      : undefined;
  }
  try {
    feed.accept(fetchedFrom, answer);
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
    feed.fail(unreadableError(feed, error));
  }
}
