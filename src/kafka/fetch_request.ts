/** Builds a Fetch request (version 11) for kafkajs's connection; its answer goes through our own decoder. */
import { Buffer } from "node:buffer";
import { type FetchResponse, fetchResponse } from "./codec/decode_fetch_response.ts";
import { answerBytes, rawRequest } from "./raw_protocol.ts";
import type { VendorProtocol } from "./vendor.ts";

const apiVersion = 11;

/** A partition to fetch, and from where. */
export interface FetchTarget {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
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
  const response = fetchResponse(apiVersion);
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

function fetchBody(targets: readonly FetchTarget[], bounds: FetchBounds): Buffer {
  const topics = Map.groupBy(targets, ({ topic }) => topic);
  const names = [...topics.keys()].map((topic) => Buffer.from(topic));
  const nameBytes = names.reduce((sum, name) => sum + name.length, 0);
  const body = Buffer.alloc(25 + 4 + topics.size * 6 + nameBytes + targets.length * 28 + 4 + 2);
  let at = body.writeInt32BE(-1, 0); // replica id of a consumer
  at = body.writeInt32BE(bounds.waitMsMax, at);
  at = body.writeInt32BE(1, at); // at least one byte
  at = body.writeInt32BE(bounds.bytesMax, at);
  at = body.writeInt8(bounds.isolationLevel, at);
  at = body.writeInt32BE(0, at); // no fetch session,
  at = body.writeInt32BE(-1, at); // and no epoch of one
  at = body.writeInt32BE(topics.size, at);
  for (const [topic, partitions] of topics) {
    const name = Buffer.from(topic);
    at = body.writeInt16BE(name.length, at);
    at += name.copy(body, at);
    at = body.writeInt32BE(partitions.length, at);
    for (const { partition, offset } of partitions) {
      at = body.writeInt32BE(partition, at);
      at = body.writeInt32BE(-1, at); // leader epoch: not checked
      at = body.writeBigInt64BE(BigInt(offset), at);
      at = body.writeBigInt64BE(-1n, at); // log start offset: of followers only
      at = body.writeInt32BE(bounds.partitionBytesMax, at);
    }
  }
  at = body.writeInt32BE(0, at); // no forgotten topics
  body.writeInt16BE(0, at); // no rack
  return body;
}
