import fc from "fast-check";
import { CodecError } from "../../src/engine/kafka/codec/codec_error.ts";
import { type WireEncoding, WireReader } from "../../src/engine/kafka/codec/wire_reader.ts";
import { WireWriter } from "../../src/engine/kafka/codec/wire_writer.ts";
import { parseDescribeGroups } from "../../src/engine/kafka/describe_group.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

/** A generated message: every kind of field, structures in arrays, and tagged fields that the reader does not know. */
type Field =
  | { kind: "int8" | "int16" | "int32" | "uvarint"; value: number }
  | { kind: "int64"; value: bigint }
  | { kind: "boolean"; value: boolean }
  | { kind: "string"; value: string | null }
  | { kind: "nullableBytes"; value: Uint8Array | null }
  | { kind: "array"; value: Struct[] };
type Struct = { fields: Field[]; tags: [number, Uint8Array][] };

const leaf: fc.Arbitrary<Field> = fc.oneof(
  fc.record({ kind: fc.constant("int8" as const), value: fc.integer({ min: -128, max: 127 }) }),
  fc.record({
    kind: fc.constant("int16" as const),
    value: fc.integer({ min: -32_768, max: 32_767 }),
  }),
  fc.record({ kind: fc.constant("int32" as const), value: fc.integer() }),
  fc.record({ kind: fc.constant("uvarint" as const), value: fc.nat(0xffff_ffff) }),
  fc.record({
    kind: fc.constant("int64" as const),
    value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  }),
  fc.record({ kind: fc.constant("boolean" as const), value: fc.boolean() }),
  fc.record({
    kind: fc.constant("string" as const),
    value: fc.option(fc.string({ unit: "grapheme", maxLength: 200 }), { nil: null }),
  }),
  fc.record({
    kind: fc.constant("nullableBytes" as const),
    value: fc.option(fc.uint8Array({ maxLength: 300 }), { nil: null }),
  }),
);
const tags = fc.array(fc.tuple(fc.nat(1_000_000), fc.uint8Array({ maxLength: 200 })), {
  maxLength: 3,
});
const { struct } = fc.letrec<{ struct: Struct; field: Field }>((tie) => ({
  struct: fc.record({
    fields: fc.array(tie("field"), { minLength: 1, maxLength: 5 }),
    tags,
  }),
  field: fc.oneof(
    { maxDepth: 3, depthIdentifier: "wire" },
    leaf,
    fc.record({
      kind: fc.constant("array" as const),
      value: fc.array(tie("struct"), { maxLength: 3, depthIdentifier: "wire" }),
    }),
  ),
}));
const encoding = fc.constantFrom<WireEncoding>("compact", "classic");

function write(writer: WireWriter, { fields, tags }: Struct): void {
  for (const field of fields) {
    if (field.kind === "array") writer.array(field.value, (element) => write(writer, element));
    else if (field.kind === "int64") writer.int64(field.value);
    else if (field.kind === "boolean") writer.boolean(field.value);
    else if (field.kind === "string") writer.string(field.value);
    else if (field.kind === "nullableBytes") writer.nullableBytes(field.value);
    else writer[field.kind](field.value);
  }
  writer.tags(tags);
}

/** Reads by the layout of `like`; the tagged fields are passed over. */
function read(reader: WireReader, like: Struct): Struct {
  const fields = like.fields.map((field): Field => {
    if (field.kind !== "array") return { kind: field.kind, value: reader[field.kind]() } as Field;
    const layouts = field.value.values();
    return {
      kind: "array",
      value: reader.array(() => read(reader, layouts.next().value ?? { fields: [], tags: [] })),
    };
  });
  reader.tags();
  return { fields, tags: [] };
}

const plain = ({ fields }: Struct): unknown =>
  fields.map(({ value }) =>
    value instanceof Uint8Array
      ? `bytes ${value.toHex()}`
      : Array.isArray(value)
      ? value.map(plain)
      : value
  );

function written(message: Struct, encoding: WireEncoding): Uint8Array {
  const writer = new WireWriter(encoding);
  write(writer, message);
  return writer.finish();
}

Deno.test("every message with unknown tags is read as it was written, to its last byte", () => {
  fc.assert(
    fc.property(struct, encoding, (message, encoding) => {
      const reader = new WireReader(written(message, encoding), encoding);
      assertEquals(plain(read(reader, message)), plain(message));
      assertEquals(reader.remaining, 0);
    }),
    { numRuns: 500 },
  );
});

Deno.test("a message that is cut anywhere is refused and says so", () => {
  fc.assert(
    fc.property(struct, encoding, fc.double({ min: 0, max: 0.999, noNaN: true }), (...drawn) => {
      const [message, encoding, part] = drawn;
      const bytes = written(message, encoding);
      const cut = bytes.subarray(0, Math.floor(bytes.length * part));
      const error = assertThrows(() => read(new WireReader(cut, encoding), message), CodecError);
      assertEquals(error.fault, "corrupt");
    }),
  );
});

Deno.test("random bytes are refused or read, and claimed lengths take no memory", () => {
  fc.assert(
    fc.property(struct, encoding, fc.uint8Array({ maxLength: 60 }), (message, encoding, bytes) => {
      try {
        read(new WireReader(bytes, encoding), message);
      } catch (error) {
        if (!(error instanceof CodecError)) throw error;
      }
    }),
    { numRuns: 1_000 },
  );
  for (const bytes of ["ffffffff0f", "ffffffff7f", "ffffffffff01"]) {
    const reader = () => new WireReader(Uint8Array.fromHex(bytes));
    for (const kind of ["string", "nullableBytes"] as const) {
      assertThrows(() => reader()[kind](), CodecError);
    }
    assertThrows(() => reader().array(() => 0), CodecError);
  }
  assertThrows(() => new WireReader(Uint8Array.fromHex("fffe"), "classic").string(), CodecError);
});

Deno.test("a tag's length is counted from behind the length", () => {
  const bytes = new WireWriter().tags([[0, new Uint8Array(5)], [7, new Uint8Array(200)]]).int32(42)
    .finish();
  const reader = new WireReader(bytes);
  reader.tags();
  assertEquals(reader.int32(), 42);
});

const member = {
  memberId: fc.string(),
  clientId: fc.string(),
  host: fc.string(),
  assigned: fc.array(fc.record({ topic: fc.string(), partition: fc.nat() }, {
    noNullPrototype: true,
  })),
};

Deno.test("a group of any number of members is described, and what each was given", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record(member, { noNullPrototype: true })),
      fc.uint8Array(),
      (members, subscription) => {
        const answer = new WireWriter("classic").int32(0).arrayLength(1).int16(0)
          .string("g").string("Stable").string("consumer").string("RoundRobin");
        answer.array(members, ({ memberId, clientId, host, assigned }) => {
          const given = new WireWriter("classic").int16(0);
          given.array(assigned, ({ topic, partition }) => {
            given.string(topic).arrayLength(1).int32(partition);
          }).nullableBytes(new Uint8Array(0));
          answer.string(memberId).string(null).string(clientId).string(host)
            .nullableBytes(subscription).nullableBytes(given.finish());
        });
        answer.int32(8);
        const known = { state: "Stable", protocol: "RoundRobin", operations: 8 };
        assertEquals(parseDescribeGroups(answer.finish()), { ...known, members });
      },
    ),
  );
});

Deno.test("what is no consumer's assignment counts as none", () => {
  const answer = new WireWriter("classic").int32(0).arrayLength(1).int16(0)
    .string("g").string("Stable").string("connect").string("sessioned").arrayLength(1)
    .string("m").string("static").string("c").string("h")
    .nullableBytes(new Uint8Array(0)).nullableBytes(new Uint8Array(3)).int32(0);
  const [only] = parseDescribeGroups(answer.finish()).members;
  assertEquals([only?.assigned, only?.instanceId], [[], "static"]);
});
