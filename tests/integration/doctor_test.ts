/** The doctor on a Kafka and a Postgres that are right, wrong in several ways at once, mended, and away. It changes nothing. */
import { Kafka, logLevel } from "kafkajs";
import { migrateSchema, missingFromSchema } from "../../src/app/compose/prepare_schema.ts";
import { ensureAppTopics } from "../../src/app/compose/topics_of.ts";
import { groupsOf } from "../../src/app/compose/roles.ts";
import { type Config, readConfig } from "../../src/config.ts";
import { createKafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { openDatabase, type Sql } from "../../src/engine/postgres/database.ts";
import { ownServices } from "../../src/app/compose/services.ts";
import { examine, type Section } from "../../src/tools/doctor/examine.ts";
import { waitFor } from "../../src/tools/stack/wait.ts";
import { freePort } from "../../src/tools/stack/ports.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { freshDatabase, root, services } from "../support/services.ts";
import { silentProxy } from "../support/silent_proxy.ts";

Deno.test("the doctor tells right from wrong, and changes nothing", async (t) => {
  await using stack = new AsyncDisposableStack();
  const { kafkaBrokers } = await services();
  const { url } = stack.use(await freshDatabase());
  const { sql } = stack.use(openDatabase(url, { connectionsMax: 1, applicationName: "test" }));
  const own = crypto.randomUUID().slice(0, 8);
  const variables = {
    ...{ KAFKA_BROKERS: kafkaBrokers.join(","), DATABASE_URL: url, NAMESPACE: `doctor-${own}` },
    ...{ TOPIC_PARTITIONS: "1", TOPIC_REPLICATION_FACTOR: "1" },
  };
  const config = readConfig(variables);
  const withThree = readConfig({ ...variables, TOPIC_REPLICATION_FACTOR: "3" });
  const admin = new Kafka({ brokers: kafkaBrokers, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  stack.defer(() => admin.disconnect());
  const state = () => stateOf(admin, sql, config);

  await t.step("before the first start all is asked, and nothing is made", async () => {
    const before = await state();
    const found = await look(config);
    assertEquals(only(found, "wrong", "not_checked"), []);
    const missing = only(found, "warning").filter((line) => line.includes("topic "));
    assertEquals(missing.length, 5, missing.join("\n"));
    assertStringIncludes(only(found, "warning").join("\n"), "nothing is made yet");
    assertEquals(await state(), before);
    assert((await missingFromSchema(sql, config)).length > 10);
    const [tooMany, ...others] = only(await look(withThree), "wrong");
    assertEquals(others, []);
    assertStringIncludes(tooMany ?? "", "TOPIC_REPLICATION_FACTOR=3, and the cluster has 1 broker");
  });

  const client = createKafkaClient({ brokers: kafkaBrokers, clientId: "test", ssl: false });
  await ensureAppTopics(client, config);
  await migrateSchema(sql, config);
  await sql`insert into outbox_settings (shards) values (1)`;

  await t.step("what is right is right", async () => {
    const before = await state();
    const found = await look(config);
    assertEquals(only(found, "wrong", "not_checked"), []);
    assertEquals(only(found, "warning").filter((line) => !line.includes(".lanes")).length, 1);
    assertStringIncludes(only(found, "right").join("\n"), "Kafka 4.2");
    assertEquals(await state(), before);
  });

  await t.step("several wrongs at once are each a line, and the command ends with 1", async () => {
    const name = new URL(url).pathname.slice(1);
    await alter(admin, config.ORDERS_TOPIC, { "cleanup.policy": "compact" });
    await alter(admin, config.INVOICES_TOPIC, { "retention.ms": "60000" });
    await alter(admin, config.DEAD_LETTERS_TOPIC, { "min.insync.replicas": "2" });
    await sql.unsafe(`alter database ${name} set default_transaction_read_only = on`);
    await sql.unsafe(`alter database ${name} set session_replication_role = replica`);
    await sql.unsafe(`alter database ${name} connection limit 2`);
    await sql`insert into onceflow_migrations (name, checksum) values ('later', repeat('0', 64))`;
    await sql`insert into pipeline_namespaces (namespace) values ('other')`;
    const before = await state();
    const wrong = readConfig({ ...variables, OUTBOX_SHARDS: "2" });
    const found = await look(wrong);
    const lines = only(found, "wrong", "warning").join("\n");
    for (
      const part of [
        "cleanup.policy=compact: compaction removes events",
        "retention.ms=60000: older events are deleted",
        "min.insync.replicas=2: it has 1 replica",
        "the outbox has 2 shards",
        "takes no writes",
        "session_replication_role is replica",
        "the connection limit of the database",
        "by another version than this one, with later",
        "this outbox was filled with 1",
        "this database is worked on under NAMESPACE=other",
      ]
    ) assertStringIncludes(lines, part);
    assertEquals(only(found, "not_checked"), []);
    assertEquals(await state(), before);

    const { code, output } = await command({ ...variables, OUTBOX_SHARDS: "2" }, "--json");
    assertEquals(code, 1, output);
    const document = JSON.parse(output);
    assertEquals(document.tally.wrong, only(found, "wrong").length);
    assertEquals(document.tally.not_checked, 0);

    await alter(admin, config.ORDERS_TOPIC, { "cleanup.policy": "delete", "retention.ms": "-1" });
    await alter(admin, config.INVOICES_TOPIC, { "retention.ms": "-1" });
    await alter(admin, config.DEAD_LETTERS_TOPIC, { "retention.ms": "-1" });
    await sql.unsafe(`set default_transaction_read_only = off`);
    await sql.unsafe(`alter database ${name} reset all`);
    await sql.unsafe(`alter database ${name} connection limit -1`);
    await sql`delete from onceflow_migrations where name = 'later'`;
    await sql`delete from pipeline_namespaces`;
    assertEquals(only(await look(config), "wrong", "not_checked"), []);
  });

  await t.step(
    "a foreign consumer, a moved offset and a cursor that is not ours are each a line",
    async () => {
      const { invoicing, relay } = groupsOf(config);
      const [orders, cursor] = [config.ORDERS_TOPIC, config.OUTBOX_CURSOR_TOPIC];
      const move = (groupId: string, topic: string, offset: string) =>
        admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset }] });
      await move(invoicing, orders, "0");
      await move(relay, cursor, "8");
      await using _ = await foreignConsumer(kafkaBrokers, invoicing, orders);
      const before = await state();
      const found = await look(config);
      const lines = only(found, "wrong").join("\n");
      assertStringIncludes(
        lines,
        "another consumer, which is not onceflow, sits in it (RoundRobin",
      );
      assertStringIncludes(lines, "no worker of onceflow has committed that");
      assertStringIncludes(lines, "carries metadata that is not ours");
      assertStringIncludes(
        only(found, "right").join("\n"),
        "Kafka's controller and this host agree",
      );
      assertEquals(only(found, "not_checked"), []);
      assertEquals(await state(), before);
    },
  );

  await t.step("a user without rights is told what it may not", async () => {
    const role = `role_${own}`;
    await sql.unsafe(`create role ${role} login`);
    try {
      const address = new URL(url);
      address.username = role;
      const found = await look(readConfig({ ...variables, DATABASE_URL: address.href }));
      const lines = only(found, "wrong").join("\n");
      assertStringIncludes(lines, "permission denied for table onceflow_migrations");
      assertStringIncludes(only(found, "warning").join("\n"), "INSERT on orders");
      assertEquals(only(found, "not_checked"), []);
    } finally {
      await sql.unsafe(`drop role ${role}`);
    }
  });

  await t.step(
    "a user who gets no connection is told what to do, and the rest is looked at",
    async () => {
      const role = `full_${own}`;
      await sql.unsafe(`create role ${role} login connection limit 0`);
      try {
        const address = new URL(url);
        address.username = role;
        const found = await look(readConfig({ ...variables, DATABASE_URL: address.href }));
        const [line = "", ...others] = only(found, "wrong").filter((one) =>
          one.includes("Postgres")
        );
        assertStringIncludes(
          line,
          "no connection left for this user: too many connections for role",
        );
        assertEquals(others, []);
        const remedies = found.flatMap(({ findings }) => findings).map(({ remedy }) => remedy);
        assert(remedies.some((remedy) => remedy?.includes("CONNECTION LIMIT of the user")));
      } finally {
        await sql.unsafe(`drop role ${role}`);
      }
    },
  );

  await t.step(
    "a database that is not there, and a user who is not, are wrong, with the way out",
    async () => {
      for (
        const [part, said, way] of [
          ["pathname", "no such database", `create database "nobody_${own}"`],
          ["username", "refused the user", "correct the user in DATABASE_URL"],
        ] as const
      ) {
        const address = new URL(url);
        address[part] = `nobody_${own}`;
        const found = await look(readConfig({ ...variables, DATABASE_URL: address.href }));
        const [line = "", ...others] = only(found, "wrong").filter((one) =>
          one.includes("Postgres")
        );
        assertEquals(others, []);
        assertStringIncludes(line, said);
        assertStringIncludes(line, way);
      }
    },
  );

  await t.step("what is away, or silent, is not checked, in time, and the rest is", async () => {
    const refusing = readConfig({ ...variables, KAFKA_BROKERS: `127.0.0.1:${freePort()}` });
    const away = await look(refusing);
    assertStringIncludes(only(away, "not_checked").join("\n"), "is it running");
    assert(only(away, "right").some((line) => line.includes("PostgreSQL")));

    await using proxy = silentProxy(url);
    proxy.fallSilent();
    const begun = performance.now();
    const silent = await look(readConfig({ ...variables, DATABASE_URL: proxy.url }), 1_000);
    assert(performance.now() - begun < 30_000);
    assertStringIncludes(only(silent, "not_checked").join("\n"), "no answer within 1 s");
    assert(only(silent, "right").some((line) => line.includes("Kafka 4.2")));
  });
});

/** A consumer that is no worker, once it is in the group. */
async function foreignConsumer(brokers: string[], groupId: string, topic: string) {
  const consumer = new Kafka({ brokers, logLevel: logLevel.NOTHING }).consumer({ groupId });
  const joined = Promise.withResolvers<void>();
  consumer.on("consumer.group_join", () => joined.resolve());
  await consumer.connect();
  await consumer.subscribe({ topics: [topic] });
  await consumer.run({ autoCommit: false, eachMessage: () => Promise.resolve() });
  await joined.promise;
  return { [Symbol.asyncDispose]: () => consumer.disconnect() };
}

async function look(config: Config, timeoutMs = 20_000): Promise<readonly Section[]> {
  const own = ownServices(config);
  assert(own);
  return await examine(config, own, { timeoutMs });
}

/** `subject: text -> remedy` of those. */
function only(sections: readonly Section[], ...standings: string[]): string[] {
  return sections.flatMap(({ findings }) => findings)
    .filter(({ standing }) => standings.includes(standing))
    .map(({ subject, text, remedy }) => `${subject}: ${text} -> ${remedy}`);
}

type Admin = ReturnType<Kafka["admin"]>;

function alter(admin: Admin, name: string, settings: Record<string, string>) {
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
  const resources = [{ type: 2, name, configEntries }];
  return admin.alterConfigs({ validateOnly: false, resources });
}

/** All that a look could have changed: topics with their settings and ends, offsets, tables with their rows. */
async function stateOf(admin: Admin, sql: Sql, config: Config) {
  const { invoicing, relay, projector, redrive } = groupsOf(config);
  const ours = (await admin.listTopics()).filter((name) => name.startsWith(config.NAMESPACE));
  const topics = await Promise.all(
    ours.toSorted().map(async (name) => {
      const resources = [{ type: 2, name }];
      const { resources: described } = await admin.describeConfigs({
        ...{ resources, includeSynonyms: false },
      });
      return { name, described, ends: await admin.fetchTopicOffsets(name) };
    }),
  );
  const offsets = await Promise.all(
    [invoicing, relay, projector, redrive].map((groupId) =>
      // A broker that has just started is the coordinator of no group yet.
      waitFor(() => admin.fetchOffsets({ groupId }).catch(() => undefined), { waitMsMax: 60_000 })
    ),
  );
  const tables = await sql<{ name: string }[]>`
    select quote_ident(tablename) as name from pg_tables where schemaname = 'public' order by 1
  `;
  const rows = await Promise.all(
    tables.map(({ name }) =>
      sql.unsafe(
        `select '${name}' as name, md5(string_agg(t::text, ',' order by t::text)) from ${name} t`,
      )
    ),
  );
  return { topics, offsets, rows: rows.map((found) => ({ ...found[0] })) };
}

/** Runs `doctor` as an operator does. */
async function command(env: Record<string, string>, ...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", "--no-check", "-P=worker", "main.ts", "doctor"],
      ...args,
    ],
    ...{ cwd: root, env },
  }).output();
  const text = new TextDecoder();
  return { code, output: text.decode(stdout) + text.decode(stderr) };
}
