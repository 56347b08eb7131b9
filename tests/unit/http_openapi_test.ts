/** The OpenAPI document: complete, consistent, and readable by other validators. */
import type { AppOptions } from "../../src/app/http/app_options.ts";
import { createApp } from "../../src/app/http/create_app.ts";
import { parseApiTokens } from "../../src/config/api_tokens.ts";
import { userId } from "../../src/app/http/schemas.ts";
import { openDatabase } from "../../src/engine/postgres/database.ts";
import { assertEquals, assertExists } from "../support/assert.ts";

async function openApiDocument(options: Partial<AppOptions> = {}) {
  await using database = openDatabase("postgres://nobody@127.0.0.1:1/none", {
    connectionsMax: 1,
    applicationName: "test",
  });
  const operate = () => Promise.resolve(new Response());
  const app = createApp({ sql: database.sql, topic: "orders", shards: 1, operate, ...options });
  return await (await app.request("/openapi.json")).json();
}

Deno.test("OpenAPI document is of version 3.1 and describes every route and every answer", async () => {
  const document = await openApiDocument();
  assertEquals(document.openapi, "3.1.0");
  const described = Object.entries<Record<string, unknown>>(document.paths)
    .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`));
  assertEquals(described.sort(), [
    "get /customers/{id}/totals",
    "get /healthz",
    "get /orders",
    "get /orders/{id}",
    "get /readyz",
    "post /operate/dead-letters/redrive",
    "post /operate/parked-keys/unpark",
    "post /operate/read-model/drop-old",
    "post /operate/read-model/rebuild",
    "post /operate/read-model/rollback",
    "post /orders",
  ]);
  const post = document.paths["/orders"].post;
  assertEquals(Object.keys(post.responses), [
    "202",
    "400",
    "408",
    "409",
    "413",
    "415",
    "422",
    "500",
    "503",
  ]);
  assertExists(post.responses["202"].headers.Location);
  assertEquals(post.parameters.map((p: { name: string }) => p.name), ["Idempotency-Key"]);
  const text = JSON.stringify(document);
  const refs = [...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)];
  for (const [, name] of refs) assertExists(document.components.schemas[name ?? ""]);
});

Deno.test("OpenAPI document speaks of tokens and limits only where there are some", async () => {
  const { tokens } = parseApiTokens(`shop:all:${"x".repeat(32)}`);
  const open = await openApiDocument();
  const closed = await openApiDocument({ tokens, requestsPerSecondMax: 5 });
  const told = ({ paths: { "/orders/{id}": { get } }, components }: typeof open) => [
    ...[get.security, components.securitySchemes !== undefined],
    ...["401", "403", "429"].map((status) => status in get.responses),
  ];
  assertEquals(told(open), [undefined, false, false, false, false]);
  assertEquals(told(closed), [[{ bearer: [] }], true, true, true, true]);
  assertEquals(open.paths["/orders"].get.parameters[2].schema.type, "integer");
});

Deno.test("patterns of the OpenAPI document are such as any validator can read, and say what is meant", async () => {
  const document = await openApiDocument();
  const patterns = [...JSON.stringify(document).matchAll(/"pattern":("[^"]*")/g)]
    .map(([, text]) => JSON.parse(text ?? ""));
  assertEquals(patterns.filter((pattern) => /\\p|\(\?/.test(pattern)), []);
  const { pattern } = document.components.schemas.OrderRequest.properties.user_id;
  for (const text of ["a", "a b", "é", "😀", " a", "a ", "\u2003a", "a\0b", "a\u0085b", "\t", ""]) {
    assertEquals(
      new RegExp(pattern).test(text),
      userId.safeParse(text).success,
      JSON.stringify(text),
    );
  }
});
