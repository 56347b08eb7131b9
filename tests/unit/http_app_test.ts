/** What the API answers before it needs a database. */
import { type ApiToken, parseApiTokens } from "../../src/config/api_tokens.ts";
import type { AppOptions } from "../../src/app/http/app_options.ts";
import { createApp } from "../../src/app/http/create_app.ts";
import { openDatabase } from "../../src/engine/postgres/database.ts";
import { assertEquals, assertExists, assertMatch } from "../support/assert.ts";

/** An app whose database nobody answers for: port 1 refuses. */
function appWithoutDatabase(options: Partial<AppOptions> = {}) {
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

Deno.test("body beyond 64 KiB is a 413, with its length published or not", async () => {
  await using api = appWithoutDatabase();
  const large = " ".repeat(64 * 1024) + goodBody;
  const published = { ...json, "content-length": String(large.length) };
  const requests = [
    { method: "POST", headers: published, body: large },
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
    ["/orders?user_id=u&limit=0x10", 422, "limit"],
    ["/orders?user_id=u&limit=1e1", 422, "limit"],
    ["/orders?user_id=u&limit=", 422, "limit"],
    ["/orders?user_id=u&limit=1&limit=2", 422, "limit"],
    ["/orders?user_id=u&user_id=u", 422, "user_id"],
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

/** A token of each kind; each is its name, repeated. */
const tokens: readonly ApiToken[] = parseApiTokens(
  ["shop:place", "reader:read", "prometheus:metrics", "admin:all"]
    .map((words) => `${words}:${tokenOf(words.split(":")[0] ?? "")}`).join(","),
).tokens;

function tokenOf(name: string): string {
  return name.repeat(32);
}

Deno.test("token, where there is one, is demanded for all but health", async () => {
  await using api = appWithoutDatabase({ tokens });
  const right = tokenOf("reader");
  for (const wrong of [undefined, `Bearer ${right}x`, "Bearer ", `Basic ${right}`, right]) {
    const headers: HeadersInit = wrong === undefined ? {} : { authorization: wrong };
    const paths = ["/orders?user_id=u", "/orders/o", "/customers/u/totals", "/dashboard/x"];
    for (const path of [...paths, "/metrics"]) {
      const { status, answer } = await problemOf(api.app.request(path, { headers }));
      assertEquals(status, 401, `${path} ${wrong}`);
      assertMatch(answer.headers.get("www-authenticate") ?? "", /^Bearer/);
    }
  }
  for (const path of ["/healthz", "/openapi.json"]) {
    const open = await api.app.request(path);
    assertEquals(open.status, 200);
    await open.body?.cancel();
  }
});

Deno.test("a token opens what its rights say, and no more", async () => {
  await using api = appWithoutDatabase({ tokens });
  const doors: Record<string, RequestInit> = {
    "/orders": { method: "POST", body: "{}" },
    "/orders/%00": {},
    "/customers/%00/totals": {},
    "/dashboard/x": {},
    "/metrics": {},
  };
  const opened: Record<string, string[]> = {};
  for (const name of ["shop", "reader", "prometheus", "admin"]) {
    opened[name] = [];
    for (const [path, init] of Object.entries(doors)) {
      const headers = { ...json, authorization: `Bearer ${tokenOf(name)}` };
      const { status, answer } = await problemOf(api.app.request(path, { ...init, headers }));
      if (status !== 403) opened[name].push(path);
      else assertMatch(answer.headers.get("www-authenticate") ?? "", /insufficient_scope/);
    }
  }
  assertEquals(opened, {
    shop: ["/orders"],
    reader: ["/orders/%00", "/customers/%00/totals", "/dashboard/x"],
    prometheus: ["/metrics"],
    admin: Object.keys(doors),
  });
});

Deno.test("a client beyond its rate is a 429 that says when to come again, and no other client", async () => {
  await using api = appWithoutDatabase({ tokens, requestsPerSecondMax: 2 });
  const status = async (name: string) => {
    const headers = { authorization: `Bearer ${tokenOf(name)}` };
    const { status, answer } = await problemOf(api.app.request("/orders/%00", { headers }));
    return status === 429 ? `429 after ${answer.headers.get("retry-after")}` : status;
  };
  const seen = [await status("reader"), await status("reader"), await status("reader")];
  assertEquals([...seen, await status("admin")], [422, 422, "429 after 1", 422]);
});

Deno.test("a field that stands twice is a 400 that names it, however it is spelt", async () => {
  await using api = appWithoutDatabase();
  const bodies = {
    amount: '{"user_id":"u","amount":"1","amount":"100"}',
    "a:b": String.raw`{"user_id":"\"{","x":[{"a:b":1,"\u0061:b":2}]}`,
  };
  for (const [field, body] of Object.entries(bodies)) {
    const found = await problemOf(
      api.app.request("/orders", { method: "POST", headers: json, body }),
    );
    assertEquals([found.status, found.errors[0].field], [400, field]);
  }
  const apart = '{"a":{"a":1},"b":[{"a":1},{"a":"a\\":"}]}';
  const found = await problemOf(
    api.app.request("/orders", { method: "POST", headers: json, body: apart }),
  );
  assertEquals(found.status, 422, "names of different objects");
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
