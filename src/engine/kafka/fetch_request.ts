/** Builds a Fetch request (version 13: topics by their ids, KIP-516) for kafkajs's connection; its answer goes through our own decoder. */
import { Buffer } from "node:buffer";
import { type FetchResponse, fetchResponse } from "./codec/decode_fetch_response.ts";
import { WireWriter } from "./codec/wire_writer.ts";
import { answerBytes, rawRequest } from "./raw_protocol.ts";
import type { VendorProtocol } from "./vendor.ts";

const apiVersion = 13;

/** A partition to fetch, and from where. */
export interface FetchTarget {
  readonly topic: string;
  /** In hexadecimal digits. */
  readonly topicId: string;
  readonly partition: number;
  readonly offset: number;
  /** The epoch of the leader that is asked, as the metadata has it; -1 is not checked (KIP-320). */
  readonly leaderEpoch: number;
  /** The epoch of the batch below `offset`: a log that was another one there says so. -1 is not checked. */
  readonly lastFetchedEpoch: number;
  /** Instead of the bound of all partitions. */
  readonly bytesMax?: number;
}

/** Bounds of one fetch. */
export interface FetchBounds {
  /** How long the broker may hold the request while there is nothing to send, milliseconds. */
  readonly waitMsMax: number;
  readonly bytesMax: number;
  readonly partitionBytesMax: number;
  /** 1 = read_committed, 0 = read_uncommitted. */
  readonly isolationLevel: 0 | 1;
}

/** Asks for records of several partitions of one broker, in the given order (the broker fills them in that order). */
export function fetchRequest(
  targets: readonly FetchTarget[],
  bounds: FetchBounds,
): VendorProtocol<FetchResponse> {
  const names = new Map(targets.map(({ topicId, topic }) => [topicId, topic]));
  const response = fetchResponse((id) => names.get(id));
  return {
    request: rawRequest(
      { apiKey: 1, apiVersion, apiName: "Fetch" },
      () => fetchBody(targets, bounds),
    ),
    response: {
      decode: (raw) => response.decode(answerBytes("Fetch", raw)),
      parse: (decoded) => response.parse(decoded as FetchResponse),
    },
    requestTimeout: bounds.waitMsMax + 10_000,
  };
}

function fetchBody(targets: readonly FetchTarget[], bounds: FetchBounds): Uint8Array {
  const topics = Map.groupBy(targets, ({ topicId }) => topicId);
  const body = new WireWriter()
    .tags() // of the header, which kafkajs does not know of
    .int32(-1) // replica id of a consumer
    .int32(bounds.waitMsMax)
    .int32(1) // at least one byte
    .int32(bounds.bytesMax)
    .int8(bounds.isolationLevel)
    .int32(0).int32(-1) // no fetch session, and no epoch of one
    .arrayLength(topics.size);
  for (const [topicId, partitions] of topics) {
    body.raw(Buffer.from(topicId, "hex")).arrayLength(partitions.length);
    for (const { partition, offset, leaderEpoch, lastFetchedEpoch, bytesMax } of partitions) {
      body.int32(partition).int32(leaderEpoch).int64(BigInt(offset)).int32(lastFetchedEpoch)
        .int64(-1n) // log start offset: of followers only
        .int32(bytesMax ?? bounds.partitionBytesMax).tags();
    }
    body.tags();
  }
  return body
    .arrayLength(0) // no forgotten topics
    .string("") // no rack
    .tags().finish();
}
