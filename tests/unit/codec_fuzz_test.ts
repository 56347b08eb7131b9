import { Buffer } from "node:buffer";
import fc from "fast-check";
import { assert, assertEquals } from "../support/assert.ts";
import { CodecError } from "../../src/engine/kafka/codec/codec_error.ts";
import { committedRecords, plainRecord } from "../../src/engine/kafka/codec/committed_records.ts";
import { decodeFetchResponse } from "../../src/engine/kafka/codec/decode_fetch_response.ts";
import { encodeRecordBatch } from "../../src/engine/kafka/codec/encode_record_batch.ts";
import { checksummed, fetchBody, marker, topicOf } from "./codec_fixtures.ts";

/** Everything there is in a response, or undefined where it was refused as it should be. */
function readAll(body: Uint8Array) {
  try {
    return decodeFetchResponse(body, topicOf).partitions.map((partition) => {
      if (partition.failure) throw partition.failure;
      const { records, nextOffset } = committedRecords(partition, 0);
      return { partition, nextOffset, records: records.map(plainRecord) };
    });
  } catch (error) {
    if (error instanceof CodecError) return undefined;
    throw error;
  }
}

const set = Buffer.concat([
  Buffer.from(encodeRecordBatch({
    records: [
      { key: "k1", value: "v1", headers: [["h", new Uint8Array([1])]] },
      { key: null, value: "v2".repeat(50), headers: [["h", null], ["", new Uint8Array(3)]] },
      { key: "k3", value: null, headers: [], timestamp: 1 },
    ],
    producerId: 5n,
    producerEpoch: 0,
    firstSequence: 0,
    transactional: true,
    timestampMs: 1_700_000_000_000,
  })),
  await marker(3, 5n, "commit"),
]);
const body = fetchBody([{ set, aborted: [{ producerId: 6n, firstOffset: 0 }] }]);
const good = readAll(body);
/** Where the record set begins, and so where the checksums begin to vouch. */
const setAt = body.indexOf(set);

Deno.test("random bytes are refused or empty, and never hang", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      (bytes) => {
        for (const partition of readAll(bytes) ?? []) assertEquals(partition.records, []);
      },
    ),
    { numRuns: 3_000 },
  );
});

Deno.test("a response cut anywhere is refused", () => {
  for (let length = 0; length < body.length; length++) {
    assertEquals(readAll(body.subarray(0, length)), undefined);
  }
});

Deno.test("a flipped bit in a record set is refused, or leaves every record as it was", () => {
  assert(good !== undefined);
  for (let bit = setAt * 8; bit < body.length * 8; bit++) {
    const broken = Buffer.from(body);
    broken[bit >> 3] = (broken[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const [found] = readAll(broken) ?? [];
    if (found === undefined || found.records.length === 0) continue;
    // The base offset, the length and the leader epoch are outside the checksum (KIP-98): the broker sets them.
    const shifted = found.records.map((record, i) => ({ ...record, offset: i }));
    assertEquals(shifted, good[0]?.records);
  }
});

Deno.test("a flipped bit with a checksum made right is refused or reads records of this batch", () => {
  const [batch] = decodeFetchResponse(body, topicOf).partitions[0]?.batches ?? [];
  assert(batch !== undefined);
  for (let bit = 21 * 8; bit < batch.bytes.length * 8; bit++) {
    const broken = Buffer.from(batch.bytes);
    broken[bit >> 3] = (broken[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const [found] = readAll(fetchBody([{ set: checksummed(broken) }])) ?? [];
    if (found === undefined) continue;
    const offsets = found.records.map(({ offset }) => offset);
    assert(
      offsets.every((offset, i) => offset > (offsets[i - 1] ?? -1) && offset < found.nextOffset),
    );
  }
});

Deno.test("lengths and counts of any size are refused without memory for them", () => {
  const huge = [0x7fffffff, 0x10000000, -2, -0x80000000];
  for (let at = 0; at + 4 <= body.length; at++) {
    for (const value of huge) {
      const broken = Buffer.from(body);
      broken.writeInt32BE(value, at);
      readAll(broken);
    }
  }
});
