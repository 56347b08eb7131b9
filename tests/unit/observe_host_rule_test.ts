/** Which Host headers are answered, by where the listener is bound. */
import { hostRuleFor, isLoopback, refusedHost } from "../../src/engine/observe/host_rule.ts";
import { assertEquals } from "../support/assert.ts";

/** A request as the server makes it: the URL has the host of the header. */
function asked(host: string) {
  const request = new Request("http://localhost/healthz", { headers: { host } });
  Object.defineProperty(request, "url", { value: `http://${host}/healthz` });
  return request;
}

const status = (host: string, bound: string, given?: readonly string[]) =>
  refusedHost(asked(host), hostRuleFor(bound, given))?.status;

Deno.test("a Host that is no host is a 400 wherever the listener is", () => {
  for (const bound of ["127.0.0.1", "0.0.0.0"]) {
    for (const host of ["x/metrics?", "x#", "x?y", "u@x", "a b", "x\\y", "x:1:2", ""]) {
      assertEquals(status(host, bound), 400, `${host} at ${bound}`);
    }
  }
});

Deno.test("on loopback only its own names are answered, and those that are given", () => {
  const good = ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]:8080", "localhost."];
  for (const host of good) assertEquals(status(host, "127.0.0.1"), undefined, host);
  for (const host of ["evil.example", "10.0.0.1", "localhost.evil.example"]) {
    assertEquals(status(host, "127.0.0.1"), 421, host);
  }
  assertEquals(status("orders.local:80", "127.0.0.1", ["Orders.local"]), undefined);
});

Deno.test("elsewhere addresses are answered, and names by the list where there is one", () => {
  for (const host of ["10.0.0.1:8080", "[fe80::1]", "localhost"]) {
    assertEquals(status(host, "0.0.0.0", ["orders"]), undefined, host);
  }
  assertEquals(status("orders", "0.0.0.0", ["orders"]), undefined);
  assertEquals(status("evil.example", "0.0.0.0", ["orders"]), 421);
  assertEquals(status("any.example", "0.0.0.0"), undefined);
  assertEquals(status("any.example", "127.0.0.1", ["*"]), undefined);
});

Deno.test("a request line that names a host of its own is held to the same list", () => {
  const request = new Request("http://evil.example/metrics", { headers: { host: "localhost" } });
  assertEquals(refusedHost(request, hostRuleFor("127.0.0.1"))?.status, 421);
});

Deno.test("loopback is what only this machine reaches", () => {
  const addresses = ["127.0.0.1", "127.8.9.1", "::1", "localhost", "0.0.0.0", "::", "10.0.0.1"];
  assertEquals(addresses.map(isLoopback), [true, true, true, true, false, false, false]);
});
