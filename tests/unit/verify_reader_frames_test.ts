import fc from "fast-check";
import {
  decodeLogRecord,
  decodeUnread,
  FrameBuffer,
} from "../../src/tools/verify/reader_frames.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

function frame(type: string, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(5 + payload.length);
  new DataView(bytes.buffer).setInt32(0, payload.length + 1);
  bytes[4] = type.charCodeAt(0);
  bytes.set(payload, 5);
  return bytes;
}

Deno.test("frames come out whole however the stream is cut", () => {
  const payloads = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 10 });
  fc.assert(fc.property(payloads, fc.integer({ min: 1, max: 17 }), (sent, cut) => {
    const stream = sent.flatMap((payload) => [...frame("R", payload)]);
    const buffer = new FrameBuffer();
    const received: Uint8Array[] = [];
    for (let at = 0; at < stream.length; at += cut) {
      buffer.push(new Uint8Array(stream.slice(at, at + cut)));
      for (let found; (found = buffer.take());) received.push(new Uint8Array(found.payload));
    }
    assertEquals(received, sent);
  }));
});

Deno.test("a stream that is no stream of frames is refused", () => {
  const buffer = new FrameBuffer();
  buffer.push(frame("?", new Uint8Array()));
  assertThrows(() => buffer.take(), Error, "unknown type");
  const other = new FrameBuffer();
  other.push(new Uint8Array([0xff, 0xff, 0xff, 0xff, 0x52]));
  assertThrows(() => other.take(), Error, "damaged");
});

Deno.test("a record keeps its bytes, its nulls and the order of its headers", () => {
  const parts: number[] = [1];
  const int32 = (value: number) => {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setInt32(0, value);
    parts.push(...bytes);
  };
  const text = (value: string | null) => {
    const bytes = new TextEncoder().encode(value ?? "");
    int32(value === null ? -1 : bytes.length);
    parts.push(...bytes);
  };
  int32(3);
  parts.push(0, 0, 0, 1, 0, 0, 0, 2); // offset 2^32 + 2
  parts.push(0, 0, 0, 0, 0, 0, 0, 9); // timestamp
  parts.push(...new Uint8Array(32).fill(0xab), ...new Uint8Array(32).fill(0xcd));
  text("k");
  text(null);
  int32(3);
  for (const [name, value] of [["b", "1"], ["a", null], ["b", "2"]] as const) {
    text(name);
    text(value);
  }
  const record = decodeLogRecord(new Uint8Array(parts));
  assertEquals(record.state, "aborted");
  assertEquals([record.partition, record.offset, record.timestamp], [3, 2 ** 32 + 2, 9]);
  assertEquals(record.valueDigest, "ab".repeat(32));
  assertEquals(record.digest, "cd".repeat(32));
  assertEquals(record.value, null);
  assertEquals(record.headers.map(([name, value]) => [name, value && [...value]]), [
    ["b", [0x31]],
    ["a", null],
    ["b", [0x32]],
  ]);
});

Deno.test("what was not unpacked says from where to where, and has no bytes", () => {
  const payload = new Uint8Array(29);
  const view = new DataView(payload.buffer);
  view.setUint8(0, 1);
  view.setInt32(1, 3);
  [9n, 77n, 5n].forEach((value, index) => view.setBigInt64(5 + 8 * index, value));
  const record = decodeUnread(payload);
  assertEquals([record.state, record.partition, record.offset], ["aborted", 3, 9]);
  assertEquals([record.timestamp, record.unreadFrom, record.value], [77, 5, null]);
});
