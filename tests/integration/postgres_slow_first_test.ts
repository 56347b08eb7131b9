import { openDatabase } from "../../src/engine/postgres/database.ts";
import { assertEquals } from "../support/assert.ts";
import { services } from "../support/services.ts";

const connectTimeoutMs = 1_000;
const seconds = 1.5;

Deno.test("a connection's first statement may take longer than connecting may", async () => {
  const { databaseUrl } = await services();
  const options = { connectionsMax: 1, applicationName: "slow test", connectTimeoutMs };
  {
    await using database = openDatabase(databaseUrl, options);
    const rows = await database.sql`select pg_sleep(${seconds})::text, 1 as one`;
    assertEquals(rows[0]?.one, 1);
  }
  await using database = openDatabase(databaseUrl, options);
  const one = await database.sql.begin(async (tx) => {
    await tx`select pg_sleep(${seconds})::text`;
    const [row] = await tx`select 1 as one`;
    return row?.one;
  });
  assertEquals(one, 1);
});
