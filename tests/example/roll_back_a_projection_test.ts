/**
 * Example: the whole life of a read model. A DBA makes its tables from a file of SQL, a user with few rights keeps it up to
 * date, and a change of it is taken back. What a trigger on it does for each new row (a mail here) is done once: neither the
 * rebuild nor the way back does it again.
 */
import postgres from "postgres";
import { textTopic } from "../../src/engine/mod.ts";
import {
  defineProjection,
  dropOldTables,
  projectionMigrationsSql,
  readEvent,
  rebuild,
  rollback,
  runProjector,
} from "../../src/engine/projection/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { freshTopics, produce, record, testClient } from "../support/kafka.ts";
import { freshDatabase, services } from "../support/services.ts";

/** The names of those who have signed up; version 2 keeps when. */
function members(version: 1 | 2, topic: string) {
  const names = textTopic(topic);
  const since = version === 2 ? ", since timestamptz not null default now()" : "";
  return defineProjection({
    name: "members",
    version,
    topics: [topic],
    tables: [{
      name: "members",
      ddl: (table) => `create table ${table} (name text primary key${since})`,
    }],
    decode(record) {
      const name = readEvent(names, record);
      return name === undefined ? undefined : { name };
    },
    async apply(tx, events, table) {
      for (const { name } of events) {
        await tx`insert into ${
          tx(table("members"))
        } (name) values (${name}) on conflict do nothing`;
      }
    },
  });
}

Deno.test("a change of a read model is taken back, and nothing that it has set off is set off again", async () => {
  const [{ kafkaBrokers: brokers }, client] = [await services(), await testClient()];
  await using fresh = await freshDatabase();
  const [topic = ""] = await freshTopics(client, 1, "signups");
  const signUp = (...names: string[]) =>
    produce(client, names.map((name) => record(topic, 0, name, name)));
  const [first, second] = [members(1, topic), members(2, topic)];
  const settings = {
    brokers,
    clientId: "club",
    ssl: false,
    databaseUrl: fresh.url,
    schema: "club",
  };

  // What the DBA runs, with any client; it may be run again.
  const owner = postgres(fresh.url, { onnotice: () => {}, max: 1 });
  const script = projectionMigrationsSql({ schema: "club", projection: first });
  await owner.unsafe(script).simple();
  await owner.unsafe(script).simple();
  const role = `folds_${crypto.randomUUID().slice(0, 8)}`;
  await owner.unsafe(`
    create role ${role} login password 'fold';
    grant usage on schema club to ${role};
    grant select, insert, update, delete on all tables in schema club to ${role};
    create table club.mails (receiver text, body text);
    create function club.welcome() returns trigger language plpgsql security definer as $$
      begin insert into club.mails values (new.name, 'welcome'); return new; end $$;
    create trigger welcome after insert on club.members for each row execute function club.welcome();
  `).simple();
  const names = async (table: "members" | "mails", column: "name" | "receiver") =>
    (await owner`select ${owner(column)} as name from ${owner(`club.${table}`)} order by 1`)
      .map(({ name }) => name);

  const databaseUrl = Object.assign(new URL(fresh.url), { username: role, password: "fold" }).href;
  const project = async (projection: typeof first, upTo: number) => {
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(60_000)]);
    const onApplied = ({ nextOffset }: { nextOffset: number }) =>
      void (nextOffset === upTo && stop.abort());
    await runProjector({ ...settings, databaseUrl, group: topic, projection, signal, onApplied });
  };
  await signUp("ann", "bob");
  await project(first, 2);
  assertEquals(await names("mails", "receiver"), ["ann", "bob"]);

  // The next release; by the owner of the tables.
  const signal = AbortSignal.timeout(60_000);
  const rebuilt = await rebuild({ ...settings, projection: second, signal });
  assertEquals([rebuilt.events, rebuilt.old?.version], [2, 1]);
  await signUp("cyd");
  await project(second, 3);
  assertEquals(await names("mails", "receiver"), ["ann", "bob", "cyd"]);

  // It was a mistake: with the program of version 1. Who has signed up meanwhile is folded into its tables first.
  const back = await rollback({ ...settings, projection: first, signal });
  assertEquals([back.version, back.replacedVersion, back.events], [1, 2, 1]);
  assertEquals(await names("members", "name"), ["ann", "bob", "cyd"]);
  await signUp("dan");
  await project(first, 4);
  assertEquals(await names("mails", "receiver"), ["ann", "bob", "cyd", "dan"]);

  const dropped = await dropOldTables({ ...settings, projection: first, signal });
  assertEquals([dropped?.version, dropped?.tables], [2, ["members"]]);
  assertEquals(await dropOldTables({ ...settings, projection: first, signal }), undefined);
  await owner.unsafe(`drop owned by ${role}; drop role ${role}`).simple();
  await owner.end();
});
