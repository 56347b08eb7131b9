/** PgBouncer before Postgres, in each of its modes. Runs where PgBouncer is installed. */
import { readConfig } from "../../src/config.ts";
import { ownServices } from "../../src/app/compose/services.ts";
import { openRuntime } from "../../src/app/compose/open_runtime.ts";
import { rebuildViews } from "../../src/app/compose/read_model.ts";
import { HaltError } from "../../src/engine/core/errors.ts";
import { placeOrder } from "../../src/app/orders/place_order.ts";
import { openDatabase, sentSettings } from "../../src/engine/postgres/database.ts";
import { refusePooler } from "../../src/engine/postgres/refuse_pooler.ts";
import { examine } from "../../src/tools/doctor/examine.ts";
import type { Finding } from "../../src/tools/doctor/finding.ts";
import { freePort } from "../../src/tools/stack/ports.ts";
import { waitFor } from "../../src/tools/stack/wait.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { freshDatabase, services } from "../support/services.ts";

const program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].find((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
});

Deno.test("Postgres itself is no pooler", async () => {
  await using database = await freshDatabase();
  await refusePooler(database.url);
});

Deno.test({
  name: "a pooler in transaction mode is refused at the start, whatever it does with settings",
  ignore: program === undefined,
  async fn() {
    await using database = await freshDatabase();
    for (const settings of ["", "server_round_robin = 1"]) {
      await using pooler = await startPooler(database.url, "transaction", settings);
      const runtime = async () => {
        await using _ = await openRuntime(await config(pooler.url), { applicationName: "test" });
      };
      await assertRejects(runtime, HaltError, "unsupported startup parameter");
      const [refused] = await wrongAt(pooler.url);
      assertStringIncludes(
        refused?.remedy ?? "",
        "ignore_startup_parameters = statement_timeout, ",
      );
      await using tolerant = await startPooler(
        database.url,
        "transaction",
        `${settings}\nignore_startup_parameters = ${sentSettings.join(",")}`,
      );
      await busy(tolerant.url);
      await assertRejects(() => refusePooler(tolerant.url), HaltError, "session mode");
      const [shared, ...others] = await wrongAt(tolerant.url);
      assertEquals(others, []);
      assertStringIncludes(shared?.remedy ?? "", "a pool in session mode");
      const rebuild = async () =>
        await rebuildViews(
          await config(tolerant.url),
          {
            ...await services(),
            kafka: { brokers: [], clientId: "test", ssl: false },
            databaseUrl: tolerant.url,
            embedded: false,
          },
          { allowMissingHistory: false, onProgress: () => {}, signal: AbortSignal.timeout(60_000) },
        );
      await assertRejects(rebuild, HaltError, "session mode");
    }
  },
});

Deno.test({
  name: "a pooler in session mode that follows the advice is worked with",
  ignore: program === undefined,
  async fn() {
    await using database = await freshDatabase();
    await using strict = await startPooler(database.url, "session", "");
    const refused = await assertRejects(() => refusePooler(strict.url), HaltError);
    const [, advice] = /(ignore_startup_parameters = .+) in PgBouncer/.exec(refused.message) ?? [];
    assert(advice);
    await using pooler = await startPooler(database.url, "session", advice);
    await using runtime = await openRuntime(await config(pooler.url), { applicationName: "test" });
    const order = { userId: "u", amount: "1.00", currency: "EUR" };
    const where = { topic: runtime.config.ORDERS_TOPIC, shards: 1, now: () => new Date() };
    assertEquals((await placeOrder(runtime.database.sql, order, where)).kind, "placed");
  },
});

/** What the doctor finds wrong with Postgres there. */
async function wrongAt(databaseUrl: string): Promise<readonly Finding[]> {
  const found = await config(databaseUrl);
  const own = ownServices(found);
  assert(own);
  const sections = await examine(found, own, { timeoutMs: 20_000 });
  return sections.filter(({ about }) => about === "postgres").flatMap(({ findings }) => findings)
    .filter(({ standing }) => standing === "wrong");
}

async function config(databaseUrl: string) {
  const { kafkaBrokers } = await services();
  const own = crypto.randomUUID().slice(0, 8);
  return readConfig({
    ...{ KAFKA_BROKERS: kafkaBrokers.join(","), DATABASE_URL: databaseUrl, TOPIC_PARTITIONS: "1" },
    ...{ ORDERS_TOPIC: `orders-${own}`, INVOICES_TOPIC: `invoices-${own}` },
    ...{ DEAD_LETTERS_TOPIC: `dead-${own}`, OUTBOX_CURSOR_TOPIC: `cursor-${own}` },
  });
}

/** Lets the pooler open several sessions, so that there are some to be given around. */
async function busy(url: string): Promise<void> {
  await using pool = openDatabase(url, { connectionsMax: 3, applicationName: "test" });
  await Promise.all([1, 2, 3].map(() => pool.sql.unsafe("select pg_sleep(0.1)")));
}

async function startPooler(databaseUrl: string, mode: string, settings: string) {
  const { hostname, port, username, pathname } = new URL(databaseUrl);
  const directory = await Deno.makeTempDir();
  const own = freePort();
  await Deno.writeTextFile(`${directory}/users`, `"${username}" ""\n`);
  await Deno.writeTextFile(
    `${directory}/pgbouncer.ini`,
    `[databases]
* = host=${hostname} port=${port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${own}
unix_socket_dir =
auth_type = trust
auth_file = ${directory}/users
pool_mode = ${mode}
${settings}
`,
  );
  await Deno.chmod(directory, 0o755);
  const user = Deno.uid() === 0 ? ["-u", "nobody"] : [];
  const child = new Deno.Command(program ?? "", {
    args: ["-q", ...user, `${directory}/pgbouncer.ini`],
    ...{ stdin: "null", stdout: "null", stderr: "null" },
  }).spawn();
  const listens = async () => {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port: own })).close();
      return true;
    } catch {
      return undefined;
    }
  };
  assert(await waitFor(listens, { waitMsMax: 60_000 }), "PgBouncer does not listen");
  return {
    url: `postgres://${username}@127.0.0.1:${own}${pathname}`,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM"); // At once: SIGINT would wait for its clients.
      await child.status;
      await Deno.remove(directory, { recursive: true });
    },
  };
}
