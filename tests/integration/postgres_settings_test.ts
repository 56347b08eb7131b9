/** A database and a role with every setting at an unusual value, and addresses with libpq's words. */
import { delay } from "../../src/engine/core/delay.ts";
import { openRuntime, type Runtime } from "../../src/app/compose/open_runtime.ts";
import { runWorker } from "../../src/app/compose/run_worker.ts";
import { readConfig } from "../../src/config.ts";
import { DependencyDownError, HaltError } from "../../src/engine/core/errors.ts";
import { createApp } from "../../src/app/http/create_app.ts";
import { openDatabase } from "../../src/engine/postgres/database.ts";
import {
  checkSessionSettings,
  pinnedSettings,
} from "../../src/engine/postgres/session_settings.ts";
import { translatingErrors } from "../../src/engine/postgres/translate_error.ts";
import { waitFor } from "../../src/tools/stack/wait.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { freshDatabase, services } from "../support/services.ts";

/** What an administrator may have set for reasons of their own. */
const unusual: Readonly<Record<string, string>> = {
  bytea_output: "escape",
  datestyle: "SQL, DMY",
  intervalstyle: "iso_8601",
  timezone: "Asia/Kathmandu",
  extra_float_digits: "-15",
  standard_conforming_strings: "off",
  backslash_quote: "off",
  array_nulls: "off",
  transform_null_equals: "on",
  quote_all_identifiers: "on",
  default_transaction_isolation: "serializable",
  default_transaction_deferrable: "on",
  synchronous_commit: "off",
  exit_on_error: "on",
  idle_session_timeout: "300ms",
  tcp_keepalives_idle: "7200",
  tcp_keepalives_interval: "75",
  tcp_keepalives_count: "9",
  // Not pinned, or pinned since ever.
  statement_timeout: "1ms",
  lock_timeout: "1ms",
  idle_in_transaction_session_timeout: "1ms",
  client_encoding: "LATIN1",
  row_security: "off",
  xmloption: "document",
  lc_numeric: "C",
  lc_time: "C",
};

Deno.test("every pinned setting is set otherwise by database and role, and an order arrives unchanged", async () => {
  await using database = await fresh(unusual);
  await using runtime = await openRuntime(await config(database.url), {
    applicationName: "settings test",
  });
  const { sql } = runtime.database;
  const rows = await sql<{ name: string; value: string }[]>`
    select name, current_setting(name) as value
    from json_array_elements_text(${
    JSON.stringify([...Object.keys(pinnedSettings), "statement_timeout"])
  }::text::json) as listed (name)
  `;
  for (const { name, value } of rows) {
    const wanted = pinnedSettings[name] ?? "30s";
    assertEquals(value.toLowerCase(), wanted.toLowerCase(), name);
  }
  await checkSessionSettings(sql);
  await placeAndFind(runtime);
});

Deno.test("what cannot be pinned is refused by name", async () => {
  await using database = await fresh({ session_replication_role: "replica" });
  await using pool = openDatabase(database.url, { connectionsMax: 1, applicationName: "test" });
  await assertRejects(
    () => checkSessionSettings(pool.sql),
    HaltError,
    "session_replication_role is replica, needed is origin",
  );
});

Deno.test("a search_path that is put right counts at once, and not when the pool opens its next session", async () => {
  await using database = await fresh({ search_path: "nowhere" });
  const { databaseUrl } = await services();
  await using operator = openDatabase(databaseUrl, { connectionsMax: 1, applicationName: "test" });
  await using pool = openDatabase(database.url, { connectionsMax: 1, applicationName: "test" });
  const make = () => translatingErrors(() => pool.sql`create table made (id int)`);
  await assertRejects(make, DependencyDownError, "No schema of search_path is there");
  const { username, pathname } = new URL(database.url);
  await operator.sql.unsafe(`alter role ${username} reset search_path`);
  await operator.sql.unsafe(`alter database ${pathname.slice(1)} reset search_path`);
  await make();

  // One that leads elsewhere while the service runs, with a session that was opened then.
  const role = new URL(database.url).username;
  await operator.sql.unsafe(`alter role ${role} set search_path = nowhere`);
  await using late = openDatabase(database.url, { connectionsMax: 1, applicationName: "test" });
  const look = () => translatingErrors(() => late.sql`select from made`);
  await assertRejects(look, DependencyDownError, "search_path of the user");
  await operator.sql.unsafe(`alter role ${role} reset search_path`);
  const found = () => look().then(() => true, () => undefined);
  assertEquals(await waitFor(found, { waitMsMax: 20_000, intervalMs: 100 }), true);
});

Deno.test("a database whose encoding has not all characters is refused, and one that is made as the refusal says is not", async () => {
  const { databaseUrl } = await services();
  await using admin = openDatabase(databaseUrl, { connectionsMax: 1, applicationName: "test" });
  const names = ["latin", "unicode"].map((name) => `${name}_${crypto.randomUUID().slice(0, 8)}`);
  const [latin = "", unicode = ""] = names.map((name) => name.replaceAll("-", ""));
  const check = async (name: string) => {
    const url = new URL(databaseUrl);
    url.pathname = name;
    await using pool = openDatabase(url.href, { connectionsMax: 1, applicationName: "test" });
    await checkSessionSettings(pool.sql);
  };
  await admin.sql.unsafe(
    `create database ${latin} encoding 'LATIN1' locale 'C' template template0`,
  );
  try {
    const { message } = await assertRejects(() => check(latin), HaltError, "the encoding LATIN1");
    const [, statement = ""] = /Make one with "(.*)"/.exec(message) ?? [];
    await admin.sql.unsafe(statement.replace("NAME", unicode));
    await check(unicode);
  } finally {
    for (const name of [latin, unicode]) await admin.sql.unsafe(`drop database if exists ${name}`);
  }
});

Deno.test("libpq's words in the address are followed", async () => {
  await using database = await fresh({});
  const words =
    "sslmode=prefer&application_name=mine&options=-c%20work_mem%3D5MB&connect_timeout=3" +
    "&target_session_attrs=read-write&channel_binding=prefer&keepalives_idle=9&search_path=other";
  await using pool = openDatabase(`${database.url}?${words}`, {
    connectionsMax: 1,
    applicationName: "test",
  });
  const [row] = await pool.sql`
    select current_setting('application_name') as name, current_setting('work_mem') as memory,
      current_setting('search_path') as path
  `;
  assertEquals({ ...row }, { name: "mine", memory: "5MB", path: "other" });
});

/** A database and a role of its own, both with these settings; both are gone afterwards. */
async function fresh(settings: Readonly<Record<string, string>>) {
  await using stack = new AsyncDisposableStack();
  const admin = await services();
  const operator = stack.use(
    openDatabase(admin.databaseUrl, { connectionsMax: 1, applicationName: "test" }),
  ).sql;
  const role = `role_${crypto.randomUUID().replaceAll("-", "")}`;
  await operator.unsafe(`create role ${role} login`);
  stack.defer(async () => void await operator.unsafe(`drop role ${role}`));
  const database = stack.use(await freshDatabase());
  const url = new URL(database.url);
  const name = url.pathname.slice(1);
  await operator.unsafe(`alter database ${name} owner to ${role}`);
  for (const [setting, value] of Object.entries(settings)) {
    await operator.unsafe(`alter database ${name} set ${setting} = '${value}'`);
    await operator.unsafe(`alter role ${role} set ${setting} = '${value}'`);
  }
  url.username = role;
  const owned = stack.move();
  return { url: url.href, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function config(databaseUrl: string) {
  const { kafkaBrokers } = await services();
  const own = crypto.randomUUID().slice(0, 8);
  return readConfig({
    KAFKA_BROKERS: kafkaBrokers.join(","),
    DATABASE_URL: databaseUrl,
    ORDERS_TOPIC: `orders-${own}`,
    INVOICES_TOPIC: `invoices-${own}`,
    DEAD_LETTERS_TOPIC: `dead-${own}`,
    OUTBOX_CURSOR_TOPIC: `cursor-${own}`,
    TOPIC_PARTITIONS: "1",
  });
}

async function placeAndFind(runtime: Runtime) {
  const app = createApp({
    sql: runtime.database.sql,
    topic: runtime.config.ORDERS_TOPIC,
    shards: 1,
    onFault: (error) => console.error(error),
  });
  const stop = new AbortController();
  const working = runWorker(runtime, {
    roles: ["relay", "flow", "projector"],
    guarantee: "exactly-once",
  }, stop.signal);
  try {
    const answer = await app.request("/orders", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user_id: "ada", amount: "19.90", currency: "EUR" }),
    });
    assertEquals(answer.status, 202);
    const { order_id, placed_at } = await answer.json();
    for (let look = 0; look < 300; look++) {
      const found = await (await app.request(`/orders/${order_id}`)).json();
      if (found.status === "invoiced") {
        // Day and month would change places under DMY.
        assertEquals(found.placed_at, placed_at);
        assertEquals(found.amount, "19.90");
        return;
      }
      await delay(100);
    }
    throw new Error("the order was never invoiced");
  } finally {
    stop.abort();
    await working;
  }
}
