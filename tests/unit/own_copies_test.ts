/** What onceflow patches is its own: neither a program's own use of a package nor a second onceflow is in the way. */
import { createRequire } from "node:module";
import { part } from "../../src/engine/kafka/vendor_copy.ts";
import { openPool } from "../../src/engine/postgres/driver.ts";
import { driverParts } from "../../src/engine/postgres/driver_package.ts";
import { assert, assertEquals } from "../support/assert.ts";

/** As a second version, or another way of importing it, would load the file once more. */
const again = <T>(file: string) =>
  import(`${new URL(`../../src/engine/${file}`, import.meta.url).href}?again`) as Promise<T>;

Deno.test("a program's own Postgres driver may be loaded first, and stays what it is", async () => {
  const require = createRequire(import.meta.resolve("postgres"));
  const theirs = require("postgres");
  const connection = require.resolve("postgres").replace(/index\.js$/, "connection.js");
  const before = require(connection);
  const sql = openPool("postgres://nobody@127.0.0.1:1/none", { max: 1 });
  await sql.end({ timeout: 0 });
  assert(require("postgres") === theirs, "the driver");
  assert(require(connection) === before, "its connections");
});

Deno.test("two onceflows in one program patch copies of their own", async () => {
  const kafka = await again<{ part: typeof part }>("kafka/vendor_copy.ts");
  const postgres = await again<{ driverParts: typeof driverParts }>("postgres/driver_package.ts");
  const pairs = [
    [part("cluster/index.js"), kafka.part("cluster/index.js")],
    [driverParts.load("connection.js"), postgres.driverParts.load("connection.js")],
    [driverParts.load("index.js"), postgres.driverParts.load("index.js")],
  ];
  assertEquals(pairs.map(([first, second]) => first === second), [false, false, false]);
  // What is not patched is there once.
  assert(part("protocol/error.js") === kafka.part("protocol/error.js"));
});
