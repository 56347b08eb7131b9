import { dashboardRoutes } from "../../src/app/dashboard/dashboard_routes.ts";
import { sampleData, sampleHistory, sampleRuns, sampleTrail } from "../browser/dashboard_sample.ts";
import { assert, assertEquals, assertNotEquals } from "../support/assert.ts";

const deps = {
  read: () => Promise.resolve(sampleData(1_000)),
  feed: { open: () => undefined },
  history: sampleHistory,
  runs: () => Promise.resolve(sampleRuns()),
  find: (id: string) => Promise.resolve(id === "order-1" ? sampleTrail(id) : undefined),
};

Deno.test("the page allows only its own style and script, by a nonce that is new each time", async () => {
  const app = dashboardRoutes(deps);
  const [one, two] = [await app.request("/"), await app.request("/")];
  const policy = one.headers.get("content-security-policy") ?? "";
  const [, nonce = ""] = /script-src 'nonce-([^']+)'/.exec(policy) ?? [];
  assert(policy.startsWith("default-src 'none'"), policy);
  assert(nonce.length >= 22);
  assertNotEquals(two.headers.get("content-security-policy"), policy);
  const html = await one.text();
  assertEquals([...html.matchAll(/<(?:script|style)[^>]*>/g)].map(([tag]) => tag), [
    `<style nonce="${nonce}">`,
    `<script type="module" nonce="${nonce}">`,
  ]);
  await two.body?.cancel();
});

Deno.test("the page is whole: it imports nothing and names no other server", async () => {
  const html = await (await dashboardRoutes(deps).request("/")).text();
  assertEquals(html.match(/^\s*(import|export) /m), null);
  const addresses = [...html.matchAll(/\b(?:https?:)?\/\/[a-z][\w.-]*\.[a-z]{2,}[^\s"')]*/g)]
    .map(([address]) => address);
  // The namespace in the icon's SVG is a name and is never fetched.
  assertEquals(addresses, ["http://www.w3.org/2000/svg"]);
  assert(!/\.innerHTML|insertAdjacentHTML|document\.write|\beval\(/.test(html));
});

Deno.test("no two parts of the script declare the same name", async () => {
  const html = await (await dashboardRoutes(deps).request("/")).text();
  const names = [...html.matchAll(/^(?:async )?(?:function|const|let|class) (\w+)/gm)]
    .map(([, name = ""]) => name);
  assertEquals(names.filter((name, index) => names.indexOf(name) !== index), []);
});

Deno.test("the data is one JSON document that nobody stores", async () => {
  const response = await dashboardRoutes(deps).request("/dashboard/data.json");
  assertEquals(response.headers.get("cache-control"), "no-store");
  const { counts } = await response.json();
  assertEquals(counts.value.placed, 1_000);
});

Deno.test("an order is found by its id, and one that is not there is a 404", async () => {
  const app = dashboardRoutes(deps);
  const found = await app.request("/dashboard/orders/order-1");
  assertEquals((await found.json()).order.order_id, "order-1");
  for (const path of ["order-2", "a%00b", "x".repeat(257)]) {
    const missing = await app.request(`/dashboard/orders/${path}`);
    assertEquals(missing.status, 404);
    assertEquals(missing.headers.get("content-type"), "application/problem+json");
    await missing.body?.cancel();
  }
});
