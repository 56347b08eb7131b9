/** Roles that may not change the schema: they start where it is up to date, and say what to run where it is not. */
import { readAuditRows } from "../../src/app/audit/audit_log.ts";
import { auditOf } from "../../src/app/compose/audited.ts";
import { openRuntime } from "../../src/app/compose/open_runtime.ts";
import { missingFromSchema } from "../../src/app/compose/prepare_schema.ts";
import {
  dropOldViews,
  rebuildViews,
  rollbackViews,
  viewsStatus,
} from "../../src/app/compose/read_model.ts";
import { runWorker } from "../../src/app/compose/run_worker.ts";
import { readConfig } from "../../src/config.ts";
import { HaltError } from "../../src/engine/core/errors.ts";
import { createHealth } from "../../src/engine/core/health.ts";
import { createApp } from "../../src/app/http/create_app.ts";
import { openDatabase, type Sql } from "../../src/engine/postgres/database.ts";
import { waitFor } from "../../src/tools/stack/wait.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { freshDatabase, root, services } from "../support/services.ts";

const signal = new AbortController().signal;

Deno.test("serve and worker run with the grants of their files alone, once migrate has made the schema", async () => {
  await using database = await databaseAndRole();
  const { owner, config } = database;
  const { code, output } = await migrateCommand(config.owner);
  assertEquals(code, 0);
  assertStringIncludes(output, "outbox_0001_table");
  assertEquals((await migrateCommand(config.owner, "--check")).code, 0);
  const [newest] = await owner<{ name: string; checksum: string }[]>`
    delete from onceflow_migrations where name = 'projection_0004_old_tables' returning name, checksum
  `;
  assertEquals(await missingFromSchema(owner, config.owner), ["projection_0004_old_tables"]);
  await owner`insert into onceflow_migrations ${owner(newest!)}`;
  await grant(owner, "serve", database.serve);
  await grant(owner, "worker", database.role);
  await using serving = await openRuntime(config.serve, {
    ...{ applicationName: "test", kafkaLater: true },
  });
  const { sql } = serving.database;
  await using runtime = await openRuntime(config.role, { applicationName: "test" });
  const workerSql = runtime.database.sql;
  const beyond: [Sql, string][] = [
    [sql, "create table mine (id int)"],
    [sql, "update projection_positions set next_offset = 0"],
    [sql, "update outbox_relayed set position = 0"],
    [sql, "delete from outbox"],
    [sql, "update orders set amount = 1"],
    [workerSql, "insert into orders select * from orders"],
    [workerSql, "insert into outbox select * from outbox"],
    [workerSql, "select * from idempotency_keys"],
    [workerSql, "update tax_rates set rate = 0"],
  ];
  for (const [role, statement] of beyond) {
    await assertRejects(() => role.unsafe(statement), Error, "permission denied");
  }

  const app = createApp({ sql, topic: config.role.ORDERS_TOPIC, shards: 1 });
  const place = () =>
    app.request("/orders", {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": crypto.randomUUID() },
      body: JSON.stringify({ user_id: "ada", amount: "19.90", currency: "EUR" }),
    });
  const stop = new AbortController();
  const roles = ["relay", "flow", "projector"] as const;
  const health = createHealth();
  const working = runWorker(runtime, { roles, guarantee: "exactly-once", health }, stop.signal);
  const answer = await place();
  assertEquals(answer.status, 202);
  const { order_id } = await answer.json();
  const invoiced = async () => {
    const found = await (await app.request(`/orders/${order_id}`)).json();
    return found.status === "invoiced" || undefined;
  };
  assert(await waitFor(invoiced, { waitMsMax: 60_000 }));
  // A relay that lacks a right says so, and not only that it waits for Postgres, which answers.
  const relayIs = (wanted: boolean) =>
    waitFor(() => {
      const relay = health.ready().checks.find(({ name }) => name === "relay:0");
      return Promise.resolve(relay?.ok === wanted ? relay : undefined);
    }, { waitMsMax: 60_000, intervalMs: 20 });
  await owner.unsafe(`revoke select on outbox from ${database.role}`);
  assertStringIncludes((await relayIs(false))?.detail ?? "", "lacks a right in Postgres");
  await owner.unsafe(`grant select on outbox to ${database.role}`);
  assert(await relayIs(true));
  stop.abort();
  await working;

  // Taken away later, it is the service that is not available, and not the request that is wrong.
  await owner.unsafe(`revoke insert on orders from ${database.serve}`);
  assertEquals((await place()).status, 503);
  await owner.unsafe(`grant insert on orders to ${database.serve}`);
  assertEquals((await place()).status, 202);

  // What operators do with the worker's rights is noted, and cannot be changed afterwards.
  const audit = auditOf({ ...config.role, OPERATOR: "ada" }, runtime.services);
  const deed = { action: "dlq redrive", target: "orders.DLQ", detail: { limit: 1 } };
  assertEquals(await audit(deed, () => Promise.resolve(7)), 7);
  await assertRejects(
    () => audit(deed, () => Promise.reject(new Error("no way"))),
    Error,
    "no way",
  );
  const noted = await readAuditRows(workerSql, 10);
  assertEquals(
    noted.map((row) => [row.operator, row.databaseUser, row.action, row.outcome, row.reason]),
    [["failed", "no way"], ["begun", ""], ["done", ""], ["begun", ""]].map((end) => [
      ...["ada", database.role, "dlq redrive"],
      ...end,
    ]),
  );
  assertEquals(noted[0]?.detail, { limit: 1 });
  assertEquals(noted.map(({ ended }) => ended), [true, true, true, true]);
  // Killed before its end: only that it began is noted, and it is told from those that ended.
  await audit(deed, async () => {
    const [running, ...others] = await readAuditRows(workerSql, 10);
    assertEquals([running?.outcome, running?.ended, others.length], ["begun", false, 4]);
    const behind = await readAuditRows(workerSql, 2, running?.id);
    assertEquals(behind.map(({ id }) => id), noted.slice(0, 2).map(({ id }) => id));
  });
  for (const statement of ["delete from audit_log", "update audit_log set operator = 'eve'"]) {
    await assertRejects(() => workerSql.unsafe(statement), Error, "permission denied");
  }
  // Without the table the deed is done all the same.
  await owner.unsafe(`revoke insert on audit_log from ${database.role}`);
  assertEquals(await audit(deed, () => Promise.resolve(8)), 8);

  const options = { allowMissingHistory: false, onProgress: () => {}, signal };
  const refused = await assertRejects(
    () => rebuildViews(config.role, runtime.services, options),
    Error,
    "Cannot rebuild order_views",
  );
  const [, advice = ""] = refused.message.split("allow it: ");
  assertStringIncludes(advice, `alter table order_view owner to ${database.role}`);
  for (const statement of advice.split("; ")) await owner.unsafe(statement);
  const rebuilt = await rebuildViews(config.role, runtime.services, options);
  assert(rebuilt.events >= 2);

  // What the worker's user has kept is not the other's to drop.
  const owning = {
    ...runtime.services,
    databaseUrl: config.owner.DATABASE_URL?.reveal() ?? "",
  };
  await dropOldViews(config.owner, owning, { signal, beforeDrop: () => {} });
  // With the grants of its own file the process that operates can do all that it offers, and the others go on with theirs.
  await grant(owner, "operate", database.operate);
  await grant(owner, "serve", database.serve);
  await grant(owner, "worker", database.role);
  const databaseUrl = config.operate.DATABASE_URL?.reveal() ?? "";
  const operating = { ...runtime.services, databaseUrl };
  const told = { onProgress: () => {}, signal };
  const name = { ...config.operate, OPERATOR: "grace" };
  await auditOf(name, operating)(deed, () => rebuildViews(config.operate, operating, options));
  assertEquals((await viewsStatus(config.operate, operating)).findings, []);
  const back = { ...told, atOnce: false, beforeRollback: () => {} };
  assertEquals((await rollbackViews(config.operate, operating, back)).version, rebuilt.version);
  const dropped = await dropOldViews(config.operate, operating, { signal, beforeDrop: () => {} });
  assertEquals(dropped?.tables.toSorted(), ["customer_totals", "order_view"]);
  assertEquals((await sql`select 1 from order_view`).length, 1);
  await workerSql`update order_view set amount = amount`;
  const [last] = await readAuditRows(owner, 1);
  assertEquals([last?.operator, last?.databaseUser, last?.outcome], [
    ...["grace", database.operate, "done"],
  ]);
  await using operator = openDatabase(databaseUrl, {
    connectionsMax: 1,
    applicationName: "test",
  });
  for (
    const statement of [
      "select * from orders",
      "select * from outbox",
      "select * from idempotency_keys",
      "update outbox_relayed set position = 0",
      "insert into projections select * from projections",
      "delete from audit_log",
    ]
  ) {
    await assertRejects(() => operator.sql.unsafe(statement), Error, "permission denied");
  }
});

Deno.test("a schema that is not up to date is migrated, or the start says what to run", async () => {
  await using database = await databaseAndRole();
  const { owner, config, role } = database;
  const check = await migrateCommand(config.owner, "--check");
  assertEquals(check.code, 1);
  assertStringIncludes(check.output, "outbox_0001_table");
  const start = async () => {
    await using _ = await openRuntime(config.role, { applicationName: "test" });
  };
  await owner.unsafe(`grant usage on schema public to ${role}`);
  await assertRejects(start, HaltError, "deno task migrate");
  await owner.unsafe(`grant create on schema public to ${role}`);
  await start();
  // Up to date, and without a right to read what was applied.
  await owner.unsafe(`alter table onceflow_migrations owner to current_user`);
  const refused = await assertRejects(start, HaltError, "onceflow_migrations");
  assertStringIncludes(refused.message, "Rights in Postgres");
});

/** A database, its owner, and two roles without any rights; all are gone afterwards. */
async function databaseAndRole() {
  await using stack = new AsyncDisposableStack();
  const { databaseUrl, kafkaBrokers } = await services();
  const admin = stack.use(
    openDatabase(databaseUrl, { connectionsMax: 1, applicationName: "test" }),
  ).sql;
  const role = `role_${crypto.randomUUID().replaceAll("-", "")}`;
  const [serve, operate] = [`${role}_serve`, `${role}_operate`];
  for (const name of [role, serve, operate]) {
    await admin.unsafe(`create role ${name} login`);
    stack.defer(async () => void await admin.unsafe(`drop role ${name}`));
  }
  const { url } = stack.use(await freshDatabase());
  const owner = stack.use(openDatabase(url, { connectionsMax: 1, applicationName: "test" })).sql;
  const own = crypto.randomUUID().slice(0, 8);
  const as = (user?: string) => {
    const address = new URL(url);
    if (user) address.username = user;
    return readConfig({
      ...{ KAFKA_BROKERS: kafkaBrokers.join(","), DATABASE_URL: address.href },
      ...{ ORDERS_TOPIC: `orders-${own}`, INVOICES_TOPIC: `invoices-${own}` },
      ...{ DEAD_LETTERS_TOPIC: `dead-${own}`, OUTBOX_CURSOR_TOPIC: `cursor-${own}` },
      TOPIC_PARTITIONS: "1",
    });
  };
  const config = { owner: as(), role: as(role), serve: as(serve), operate: as(operate) };
  const owned = stack.move();
  return { role, serve, operate, owner, config, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Runs `migrate` as an operator does. */
async function migrateCommand(config: ReturnType<typeof readConfig>, ...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--no-check",
      "-P=worker",
      "main.ts",
      "migrate",
      ...args,
    ],
    cwd: root,
    env: {
      KAFKA_BROKERS: config.KAFKA_BROKERS?.join(",") ?? "",
      DATABASE_URL: config.DATABASE_URL?.reveal() ?? "",
    },
  }).output();
  const text = new TextDecoder();
  return { code, output: text.decode(stdout) + text.decode(stderr) };
}

/** Does what the role's file says, for a role of another name. */
async function grant(
  owner: Sql,
  role: "serve" | "worker" | "operate",
  name: string,
): Promise<void> {
  const file = await Deno.readTextFile(`${root}src/app/roles/${role}.sql`);
  await owner.unsafe(file.replaceAll(`onceflow_${role}`, name));
}
