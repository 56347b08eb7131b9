/** The one way in which bytes become JSON, whoever reads them. */
import { PoisonError } from "../../src/engine/core/errors.ts";
import { parseJsonValue, textOf } from "../../src/engine/core/json_text.ts";
import { equalsText } from "../../src/engine/core/record.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

const encoder = new TextEncoder();

/** As a fetched record decodes itself: the mark stays, broken bytes become U+FFFD. */
function fetched(value: Uint8Array) {
  const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
  return { value, valueText: () => lenient.decode(value) };
}

Deno.test("JSON is read the same from bytes and from a record's own text", () => {
  const [bom, fffd] = ["\ufeff", "\ufffd"];
  const good = [
    '{"a":1}',
    `{"a":"${fffd}"}`,
    `${bom}{"a":1}`,
    `${bom}{"a":"${fffd}"}`,
    ` {"a":"${bom}"}`,
  ];
  for (const text of good) {
    const value = encoder.encode(text);
    const expected = JSON.parse(text.startsWith(bom) ? text.slice(1) : text);
    assertEquals(parseJsonValue({ value }), expected, text);
    assertEquals(parseJsonValue(fetched(value)), expected, text);
    assertEquals(JSON.parse(textOf(value)), expected, text);
  }
  const bytes = (...list: number[]) => new Uint8Array(list);
  const bad = [
    encoder.encode(`${bom}${bom}{}`),
    encoder.encode(`{}${bom}`),
    encoder.encode(bom),
    bytes(0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00), // UTF-16
    bytes(0x22, 0xed, 0xa0, 0x80, 0x22), // a surrogate in UTF-8
    bytes(0x22, 0xc0, 0x80, 0x22), // NUL in more bytes than it needs
    bytes(0xef, 0xbb, 0xbf, 0x22, 0xff, 0x22),
    bytes(),
  ];
  for (const value of bad) {
    assertThrows(() => parseJsonValue({ value }), PoisonError, "not JSON in UTF-8");
    assertThrows(() => parseJsonValue(fetched(value)), PoisonError, "not JSON in UTF-8");
  }
  assertThrows(() => parseJsonValue({ value: null }), PoisonError, "tombstone");
});

Deno.test("a value of more than 4 MiB is not read, however few characters it has, and one of 4 MiB is", () => {
  const max = 4 * 1024 * 1024;
  const good = encoder.encode(`"${"x".repeat(max - 2)}"`);
  assertEquals(parseJsonValue({ value: good }), "x".repeat(max - 2));
  const large = encoder.encode(`"${"€".repeat(max / 3)}"`);
  assertThrows(() => parseJsonValue({ value: large }), PoisonError, `at most ${max} are read`);
  const counted = { ...fetched(large), valueBytes: large.length };
  assertThrows(() => parseJsonValue(counted), PoisonError, `has ${large.length} bytes`);
});

Deno.test("bytes equal a text when they are its UTF-8, and not otherwise", () => {
  for (const text of ["", "order-1", "ordé", "😀", "a\ufffd"]) {
    assertEquals(equalsText(encoder.encode(text), text), true, text);
    assertEquals(equalsText(encoder.encode(`${text}x`), text), false, text);
    assertEquals(equalsText(encoder.encode(`\ufeff${text}`), text), false, text);
    if (text !== "") assertEquals(equalsText(encoder.encode(text).subarray(1), text), false, text);
  }
  assertEquals(equalsText(new Uint8Array([0x61, 0xff]), "a\ufffd"), false);
});
