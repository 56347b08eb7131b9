/** The embedded stack on the real services. */
import { assertEquals, assertMatch } from "../support/assert.ts";
import { freshDatabase, services } from "../support/services.ts";
import { runStatement } from "../../src/stack/postgres_wire.ts";

Deno.test("the services of the tests answer, and a fresh database is empty and goes again", async () => {
  const { kafkaBrokers, databaseUrl } = await services();
  assertMatch(kafkaBrokers[0] ?? "", /^127\.0\.0\.1:\d+$/);
  const port = Number(new URL(databaseUrl).port);
  const has = (name: string) =>
    runStatement(`SELECT count(*) FROM pg_database WHERE datname = '${name}'`, {
      port,
      database: "postgres",
      waitMsMax: 5_000,
    });
  let name: string;
  {
    await using database = await freshDatabase();
    name = new URL(database.url).pathname.slice(1);
    assertEquals(await has(name), "1");
  }
  assertEquals(await has(name), "0");
});
