import { z } from "zod";
import { asyncApi } from "../../src/tools/schemas/async_api.ts";
import { checkSchemas, released } from "../../src/tools/schemas/check_schemas.ts";
import {
  currentSchemas,
  type EventSchemas,
  readReleases,
} from "../../src/tools/schemas/event_schemas.ts";
import type { JsonSchema } from "../../src/tools/schemas/fits.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("what this program reads and writes fits every release of its events", async () => {
  const releases = await readReleases();
  assertEquals(checkSchemas(currentSchemas(), releases).findings, []);
  assert(Object.values(releases).every((each) => each.length > 0));
  assertEquals(Object.keys(releases).sort(), Object.keys(currentSchemas()).sort());
});

Deno.test("AsyncAPI names each topic, its event as it is written, and no reference leads nowhere", () => {
  const schemas = currentSchemas();
  const topics = Object.keys(schemas).map((name) => ({
    ...{ topic: `shop.${name}`, event: name, description: name },
  }));
  const document = asyncApi({ version: "1.0.0", topics, schemas });
  const at = (path: string): unknown =>
    path.split("/").slice(1).reduce<unknown>((node, name) => Object(node)[name], document);
  for (const { topic, event: name } of topics) {
    assertEquals(at(`#/channels/${name}/address`), topic);
    assertEquals(at(`#/components/messages/${name}/payload`), schemas[name]?.writes);
  }
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"(#[^"]+)"/g)];
  assertEquals(references.length, 6);
  for (const [, path = ""] of references) assert(at(path) !== undefined, path);
});

const fields = {
  id: z.string().regex(/^\d+$/).max(10),
  kind: z.enum(["a", "b"]),
  count: z.int().min(0).max(99),
  tags: z.array(z.string()),
  note: z.string().optional(),
};

/** As a room of events would write and read them. */
function event(version: number, given: z.ZodRawShape): EventSchemas {
  const read = z.object({ ...given, schema_version: z.int().min(1).default(1) });
  const write = z.strictObject({ ...given, schema_version: z.literal(version) });
  return {
    version,
    writes: z.toJSONSchema(write, { io: "output" }) as JsonSchema,
    reads: z.toJSONSchema(read, { io: "input" }) as JsonSchema,
  };
}

/** Whom a change breaks, and which field it is about. */
function broken(given: z.ZodRawShape): string[] {
  const { findings } = checkSchemas({ E: event(2, given) }, { E: [event(1, fields)] });
  return findings.map(({ breaks, reason }) => `${breaks}: ${reason.split(" ")[0]}`);
}

Deno.test("a change that breaks nobody passes", () => {
  assertEquals(broken(fields), []);
  assertEquals(broken({ ...fields, more: z.string().default("x") }), []);
  assertEquals(broken({ ...fields, more: z.string().optional() }), []);
});

Deno.test("a change that breaks is found, with whom it breaks and the field", () => {
  const { kind: _kind, ...withoutKind } = fields;
  assertEquals(broken(withoutKind), ["readers: kind"]);
  assertEquals(broken({ ...fields, more: z.string() }), ["writers: more"]);
  assertEquals(broken({ ...fields, note: z.string() }), ["writers: note"]);
  assertEquals(broken({ ...fields, kind: z.enum(["a"]) }), ["writers: kind"]);
  assertEquals(broken({ ...fields, kind: z.enum(["a", "b", "c"]) }), ["readers: kind"]);
  assertEquals(broken({ ...fields, count: z.int().min(1).max(99) }), ["writers: count"]);
  assertEquals(broken({ ...fields, count: z.int().min(0).max(100) }), ["readers: count"]);
  assertEquals(broken({ ...fields, id: z.string().regex(/^\d+$/).max(9) }), ["writers: id"]);
  assertEquals(
    new Set(broken({ ...fields, tags: z.array(z.int()) })),
    new Set(["writers: tags.[]", "readers: tags.[]"]),
  );
  assertEquals(broken({ ...fields, id: z.string().regex(/^\d{3}$/).max(10) }), [
    "writers: id",
    "readers: id",
  ]);
});

Deno.test("an event that is gone breaks its writers, and a release is noted once", () => {
  const now = { E: event(1, fields) };
  const once = released(now, {});
  assertEquals(released(now, once), once);
  assertEquals(checkSchemas(now, once).changed, []);
  assertEquals(checkSchemas({}, once).findings.map(({ breaks }) => breaks), ["writers"]);
});
