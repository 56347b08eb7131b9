/** What the API answers before it needs a database. */
import { createApp } from "../../src/app/http/create_app.ts";
import { openDatabase } from "../../src/engine/postgres/database.ts";
import { assertEquals, assertExists, assertMatch } from "../support/assert.ts";

/** An app whose database nobody answers for: port 1 refuses. */
function appWithoutDatabase(options: { readonly apiToken?: string } = {}) {
  const database = openDatabase("postgres://nobody@127.0.0.1:1/none", {
    connectionsMax: 1,
    applicationName: "test",
  });
  const faults: unknown[] = [];
  const app = createApp({
    sql: database.sql,
    topic: "orders",
    shards: 1,
    onFault: (error) => faults.push(error),
    ...options,
  });
  return { app, faults, [Symbol.asyncDispose]: () => database.close() };
}

const json = { "content-type": "application/json" };
const goodBody = JSON.stringify({ user_id: "customer-7", amount: "12.34" });

async function problemOf(response: Response | Promise<Response>) {
  const answer = await response;
  assertEquals(answer.headers.get("content-type"), "application/problem+json");
  const problem = await answer.json();
  assertEquals(problem.status, answer.status);
  assertExists(problem.title);
  assertMatch(problem.type, /^(about:blank$|urn:onceflow:problem:)/);
  assertEquals(problem.request_id, answer.headers.get("x-request-id"));
  return { answer, ...problem };
}

Deno.test("path that is not there is a problem with status 404", async () => {
  await using api = appWithoutDatabase();
  assertEquals((await problemOf(api.app.request("/nothing"))).status, 404);
});

Deno.test("method that a path does not take is a 405 that lists what it takes", async () => {
  await using api = appWithoutDatabase();
  const { status, answer } = await problemOf(api.app.request("/orders", { method: "DELETE" }));
  assertEquals(status, 405);
  assertEquals(answer.headers.get("allow")?.split(", ").sort(), ["GET", "HEAD", "POST"]);
});

Deno.test("body of another media type, or compressed, is a 415", async () => {
  await using api = appWithoutDatabase();
  const headers: Record<string, string>[] = [
    {},
    { "content-type": "text/plain" },
    { "content-type": "application/x-www-form-urlencoded" },
    { "content-type": "application/json; charset=latin1" },
    { "content-type": "application/merge-patch+json" },
    { ...json, "content-encoding": "gzip" },
  ];
  for (const header of headers) {
    const request = { method: "POST", headers: header, body: goodBody };
    assertEquals((await problemOf(api.app.request("/orders", request))).status, 415);
  }
});

Deno.test("body beyond 64 KiB is a 413, with its length announced or not", async () => {
  await using api = appWithoutDatabase();
  const large = " ".repeat(64 * 1024) + goodBody;
  const announced = { ...json, "content-length": String(large.length) };
  const requests = [
    { method: "POST", headers: announced, body: large },
    { method: "POST", headers: json, body: new Blob([large]).stream() },
  ];
  for (const request of requests) {
    const { status, errors } = await problemOf(api.app.request("/orders", request));
    assertEquals([status, errors[0].field], [413, "body"]);
  }
});

Deno.test("body that is not JSON in UTF-8 is a 400", async () => {
  await using api = appWithoutDatabase();
  const latin1 = new Uint8Array([...new TextEncoder().encode('{"user_id":"'), 0xe9, 0x22, 0x7d]);
  const deep = "[".repeat(60_000);
  for (const body of ["", " ", "{", "{'a':1}", '{"amount":NaN}', goodBody + "x", latin1, deep]) {
    const request = { method: "POST", headers: json, body };
    const { status, errors } = await problemOf(api.app.request("/orders", request));
    assertEquals([status, errors[0].field], [400, "body"]);
  }
});

const wrongFields: readonly [field: string, body: unknown][] = [
  ["body", null],
  ["body", []],
  ["body", "text"],
  ["user_id", { amount: "1" }],
  ["user_id", { user_id: 7, amount: "1" }],
  ["user_id", { user_id: "", amount: "1" }],
  ["user_id", { user_id: "a\0b", amount: "1" }],
  ["user_id", { user_id: "a\ud800", amount: "1" }],
  ["user_id", { user_id: " a", amount: "1" }],
  ["user_id", { user_id: "a".repeat(129), amount: "1" }],
  ["amount", { user_id: "u" }],
  ["amount", { user_id: "u", amount: 12.34 }],
  ["amount", { user_id: "u", amount: null }],
  ["amount", { user_id: "u", amount: "-1" }],
  ["amount", { user_id: "u", amount: "0" }],
  ["amount", { user_id: "u", amount: "0.00" }],
  ["amount", { user_id: "u", amount: "NaN" }],
  ["amount", { user_id: "u", amount: "Infinity" }],
  ["amount", { user_id: "u", amount: "1e3" }],
  ["amount", { user_id: "u", amount: "0x10" }],
  ["amount", { user_id: "u", amount: "1,5" }],
  ["amount", { user_id: "u", amount: "01" }],
  ["amount", { user_id: "u", amount: "1." }],
  ["amount", { user_id: "u", amount: "1.234" }],
  ["amount", { user_id: "u", amount: "0.12345678901234567890" }],
  ["amount", { user_id: "u", amount: "9".repeat(16) }],
  ["amount", { user_id: "u", amount: "1\n" }],
  ["amount", { user_id: "u", amount: "10.5", currency: "JPY" }],
  ["currency", { user_id: "u", amount: "1", currency: "usd" }],
  ["currency", { user_id: "u", amount: "1", currency: null }],
  ["currency", { user_id: "u", amount: "1", currency: "USDX" }],
  ["order_id", { user_id: "u", amount: "1", order_id: "" }],
  ["order_id", { user_id: "u", amount: "1", order_id: "../orders" }],
  ["order_id", { user_id: "u", amount: "1", order_id: "a".repeat(129) }],
  ["surplus", { user_id: "u", amount: "1", surplus: 1 }],
  ["__proto__", JSON.parse('{"user_id":"u","amount":"1","__proto__":{"x":1}}')],
];

for (const [field, body] of wrongFields) {
  Deno.test(`order ${Deno.inspect(body).slice(0, 60)} is a 422 that names ${field}`, async () => {
    await using api = appWithoutDatabase();
    const request = { method: "POST", headers: json, body: JSON.stringify(body) };
    const { status, errors } = await problemOf(api.app.request("/orders", request));
    assertEquals(status, 422);
    assertEquals(errors.map((error: { field: string }) => error.field), [field]);
  });
}

Deno.test("idempotency key that is empty, too long or not plain ASCII is a 422 that names it", async () => {
  await using api = appWithoutDatabase();
  for (const key of ["", "a b", "k".repeat(256), "é"]) {
    const request = {
      method: "POST",
      headers: { ...json, "idempotency-key": key },
      body: goodBody,
    };
    const { status, errors } = await problemOf(api.app.request("/orders", request));
    assertEquals([status, errors[0].field], [422, "Idempotency-Key"]);
  }
});

Deno.test("query without user_id, with a wrong limit or a foreign cursor names the parameter", async () => {
  await using api = appWithoutDatabase();
  const wrong: [path: string, status: number, field: string][] = [
    ["/orders", 422, "user_id"],
    ["/orders?user_id=", 422, "user_id"],
    ["/orders?user_id=%00", 422, "user_id"],
    ["/orders?user_id=u&limit=0", 422, "limit"],
    ["/orders?user_id=u&limit=ten", 422, "limit"],
    ["/orders?user_id=u&cursor=abc", 400, "cursor"],
    ["/orders?user_id=u&cursor=", 400, "cursor"],
    ["/orders/%00", 422, "id"],
    ["/customers/%00/totals", 422, "id"],
  ];
  for (const [path, status, field] of wrong) {
    const found = await problemOf(api.app.request(path));
    assertEquals([found.status, found.errors[0].field], [status, field], path);
  }
});

Deno.test("token, where one is set, is demanded for orders and customers but not for health", async () => {
  await using api = appWithoutDatabase({ apiToken: "s3cret" });
  for (const authorization of [undefined, "Bearer wrong", "Bearer ", "Basic s3cret", "s3cret"]) {
    const headers = authorization === undefined ? undefined : { authorization };
    for (const path of ["/orders?user_id=u", "/orders/o", "/customers/u/totals"]) {
      const { status, answer } = await problemOf(api.app.request(path, { headers }));
      assertEquals(status, 401, `${path} ${authorization}`);
      assertMatch(answer.headers.get("www-authenticate") ?? "", /^Bearer/);
    }
  }
  const headers = { authorization: "Bearer s3cret" };
  const good = await problemOf(api.app.request("/orders/%00", { headers }));
  assertEquals(good.status, 422, "the token is right, the id is not");
  for (const path of ["/healthz", "/openapi.json"]) {
    const open = await api.app.request(path);
    assertEquals(open.status, 200);
    await open.body?.cancel();
  }
});

Deno.test("request id is taken from the client where it is harmless, and made otherwise", async () => {
  await using api = appWithoutDatabase();
  const idFor = async (given: string) => {
    const answer = await api.app.request("/healthz", { headers: { "x-request-id": given } });
    await answer.body?.cancel();
    return answer.headers.get("x-request-id");
  };
  assertEquals(await idFor("client-42"), "client-42");
  assertMatch(await idFor("<script>") ?? "", /^[0-9a-f-]{36}$/);
});
