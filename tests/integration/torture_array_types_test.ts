import { assertEquals, assertRejects } from "../support/assert.ts";
import { openDatabase } from "../../src/engine/postgres/database.ts";
import { freshDatabase } from "../support/services.ts";

Deno.test("arrays go to Postgres and come back without the driver asking for their types", async () => {
  await using fresh = await freshDatabase();
  await using database = openDatabase(fresh.url, { connectionsMax: 1, applicationName: "test" });
  const { sql } = database;
  const text = ["a", 'with "quotes", commas', "null", ""];
  const ids = [crypto.randomUUID(), crypto.randomUUID()];
  const times = [new Date(0), new Date(1_500)];
  const [row] = await sql`
    select ${text}::text[] as text, ${ids}::uuid[] as ids, ${[1, 2 ** 40]}::int8[] as numbers,
      array[to_timestamp(0), to_timestamp(1.5)] as times, ${["1.50", "2"]}::numeric[] as decimals,
      array[true, false] as flags, array[['a', 'b'], ['c', 'd']] as nested,
      ${[]}::text[] as none, 'b' = any(${["a", "b"]}) as found
  `;
  assertEquals({ ...row }, {
    ...{ text, ids, numbers: [1, 2 ** 40], times, decimals: ["1.50", "2"], flags: [true, false] },
    ...{ nested: [["a", "b"], ["c", "d"]], none: [], found: true },
  });
});

Deno.test("a server that shuts down as a connection is made fails the statement and nothing else", async () => {
  using server = shuttingDown();
  await using database = openDatabase(
    `postgres://user@127.0.0.1:${server.port}/none`,
    { connectionsMax: 1, applicationName: "test" },
  );
  // An unhandled rejection beside this one would fail the test.
  await assertRejects(() => Promise.resolve(database.sql`select 1`), Error);
});

/** Lets a client in, and answers its first statement as a server that is shut down does. */
function shuttingDown(): Disposable & { readonly port: number } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const text = new TextEncoder();
  const message = (type: string, body: Uint8Array) => {
    const bytes = new Uint8Array(5 + body.length);
    bytes.set(text.encode(type));
    new DataView(bytes.buffer).setInt32(1, 4 + body.length);
    bytes.set(body, 5);
    return bytes;
  };
  const serve = async (connection: Deno.Conn) => {
    const buffer = new Uint8Array(4_096);
    await connection.read(buffer);
    await connection.write(message("R", new Uint8Array(4))); // authentication is not needed
    await connection.write(message("Z", text.encode("I"))); // ready
    await connection.read(buffer);
    const fields =
      "SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0";
    await connection.write(message("E", text.encode(fields)));
    connection.close();
  };
  (async () => {
    for await (const connection of listener) await serve(connection).catch(() => {});
  })();
  return { port: listener.addr.port, [Symbol.dispose]: () => listener.close() };
}
