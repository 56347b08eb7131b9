/** Topics that are not JSON with a zod schema: another library's schema, values of a registry, bytes and text. */
import * as v from "valibot";
import {
  bytesTopic,
  defineFlow,
  DependencyDownError,
  PoisonError,
  type Serde,
  textTopic,
  topic,
} from "../../src/engine/mod.ts";
import { testFlow } from "../../src/engine/testing/mod.ts";
import { assertEquals } from "../support/assert.ts";

/** A schema as a registry keeps it: here the names of the fields, which a value gives in that order. */
type Fields = readonly string[];
type Reading = Readonly<Record<string, number>>;

/**
 * Values as registries frame them: a zero, the id of the schema in four bytes, then the fields. Looking a schema up takes
 * its time, so what is not known yet is fetched, and the record waits for it. A program warms it up in `onStart`.
 */
function registrySerde(fetchSchema: (id: number) => Promise<Fields>, writeId: number) {
  const known = new Map<number, Fields>();
  const fetching = new Map<number, Promise<void>>();
  const warmUp = (id: number) =>
    fetching.getOrInsertComputed(id, async () => {
      known.set(id, await fetchSchema(id));
    });
  const schemaOf = (id: number): Fields => {
    const fields = known.get(id);
    if (fields) return fields;
    warmUp(id).catch(() => fetching.delete(id));
    throw new DependencyDownError("schema registry", `schema ${id} is being fetched`);
  };
  const serde: Serde<Reading> = {
    decode(bytes) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      if (view.getUint8(0) !== 0) throw new PoisonError("the value is in no frame of a registry");
      const fields = schemaOf(view.getUint32(1));
      return Object.fromEntries(fields.map((name, n) => [name, view.getInt32(5 + 4 * n)]));
    },
    encode(reading) {
      const fields = schemaOf(writeId);
      const view = new DataView(new ArrayBuffer(5 + 4 * fields.length));
      view.setUint32(1, writeId);
      fields.forEach((name, n) => view.setInt32(5 + 4 * n, reading[name] ?? 0));
      return new Uint8Array(view.buffer);
    },
  };
  return { serde, warmUp };
}

const schemas = new Map<number, Fields>([[7, ["celsius"]], [8, ["kelvin"]]]);
const fetchSchema = (id: number) => Promise.resolve(schemas.get(id) ?? []);

Deno.test("a registry's values are read and written, and a schema that is not there yet is waited for", async () => {
  const { serde, warmUp } = registrySerde(fetchSchema, 8);
  await warmUp(8);
  const inside = topic("inside", { serde, key: () => "thermometer" });
  const kelvin = topic("kelvin", { serde, key: () => "thermometer" });
  const converting = defineFlow({
    name: "converting",
    from: inside,
    to: [kelvin],
    transform: ({ celsius = 0 }) => kelvin.event({ kelvin: celsius + 273 }),
  });
  const value = Uint8Array.of(0, 0, 0, 0, 7, 0, 0, 0, 20);
  const { outages } = await testFlow(converting)
    .givenRecords({ value }, { value: "20 °C" }, { value: value.subarray(0, 7) })
    .expect(kelvin, [{ kelvin: 293 }])
    .expectDeadLetters([
      { error: "the value is in no frame of a registry" },
      { errorClass: "PoisonError" },
    ])
    .expectNothingElse();
  assertEquals(outages.map(({ dependency }) => dependency), ["schema registry"]);
});

Deno.test("a schema of any library that speaks Standard Schema will do", async () => {
  const shape = v.object({ id: v.string(), at: v.pipe(v.string(), v.isoDate()) });
  const visits = topic("visits", { read: shape, key: ({ id }) => id });
  const days = textTopic("days");
  const thumbnails = bytesTopic("thumbnails");
  const counting = defineFlow({
    name: "counting",
    from: visits,
    to: [days, thumbnails],
    transform: ({ id, at }) => [
      days.event(at, { key: id }),
      thumbnails.event(Uint8Array.of(0xff), { key: null }),
    ],
  });
  await testFlow(counting)
    .given({ id: "a", at: "2026-01-31" })
    .givenRecords({ value: '{"id":"b","at":"soon"}' })
    .expect(days, ["2026-01-31"])
    .expect(thumbnails, [Uint8Array.of(0xff)])
    .expectDeadLetters([{ errorClass: "PoisonError" }])
    .expectNothingElse();
});
