/**
 * Example: a read model of one's own, and how to change it later.
 *
 * `page_views` counts the views of each page from a topic. Version 1 forgets who looked; version 2 counts the visitors,
 * too. The rebuild makes the new tables from the log beside the old ones and swaps them in: nobody has to stop, and
 * nobody writes a migration that guesses what the old table did not keep.
 */
import postgres from "postgres";
import { z } from "zod";
import { topic } from "../../src/engine/mod.ts";
import {
  defineProjection,
  readEvent,
  readStatus,
  rebuild,
  runProjector,
} from "../../src/engine/projection/mod.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { freshTopics, produce, record, testClient } from "../support/kafka.ts";
import { freshDatabase, services } from "../support/services.ts";

const viewed = z.object({ id: z.uuid(), page: z.string(), visitor: z.string() });

function pageViews(version: 1 | 2, name: string) {
  const views = topic(name, { read: viewed, key: ({ page }) => page });
  const visitors = version === 2 ? "visitors text[] not null," : "";
  return defineProjection({
    name: "page_views",
    version,
    topics: [name],
    tables: [{
      name: "page_views",
      ddl: (table) => `
        create table ${table} (page text primary key, ${visitors} views int not null)
      `,
    }],
    decode: (record) => readEvent(views, record),
    async apply(tx, events, table) {
      const views = tx`
        select page, array_agg(distinct visitor) as visitors, count(*)::int as views
        from json_to_recordset(${
        JSON.stringify(events)
      }::text::json) as event (page text, visitor text)
        group by page order by page
      `;
      if (version === 1) {
        await tx`
          insert into ${tx(table("page_views"))} as old (page, views)
          select page, views from (${views}) as new
          on conflict (page) do update set views = old.views + excluded.views
        `;
      } else {
        await tx`
          insert into ${tx(table("page_views"))} as old (page, visitors, views)
          select page, visitors, views from (${views}) as new
          on conflict (page) do update set
            views = old.views + excluded.views,
            visitors = array(
              select distinct unnest(old.visitors || excluded.visitors) order by 1
            )
        `;
      }
    },
  });
}

Deno.test("a read model gets a new column from the log, while the old one is still being read", async () => {
  const [{ kafkaBrokers: brokers }, client] = [await services(), await testClient()];
  await using fresh = await freshDatabase();
  const sql = postgres(fresh.url, { onnotice: () => {}, max: 1 });
  const [name = ""] = await freshTopics(client, 1, "views");
  const look = (page: string, visitor: string) =>
    record(name, 0, page, { id: crypto.randomUUID(), page, visitor });
  await produce(client, [
    ...[look("/a", "ann"), look("/a", "bob"), look("/a", "ann"), look("/b", "bob")],
    record(name, 0, "/c", "bytes that are no view are nobody's"),
  ]);
  const settings = {
    ...{ brokers, clientId: "reading", ssl: false, databaseUrl: fresh.url, schema: "reading" },
    group: name,
  };
  /** As long as the program runs, in as many processes as there are; here until all of it is folded. */
  const project = async (version: 1 | 2, upTo: number) => {
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(60_000)]);
    const onApplied = ({ nextOffset }: { nextOffset: number }) =>
      void (nextOffset === upTo && stop.abort());
    await runProjector({ ...settings, projection: pageViews(version, name), signal, onApplied });
  };
  await project(1, 5);
  assertEquals(
    [...await sql`select page, views from reading.page_views order by page`],
    [{ page: "/a", views: 3 }, { page: "/b", views: 1 }],
  );

  // With the next release, once:
  const signal = AbortSignal.timeout(60_000);
  const report = await rebuild({ ...settings, projection: pageViews(2, name), signal });
  assertEquals([report.replacedVersion, report.version, report.events], [1, 2, 4]);
  await produce(client, [look("/b", "cyd")]);
  await project(2, 6);
  assertEquals(
    [...await sql`select page, visitors, views from reading.page_views order by page`],
    [
      { page: "/a", visitors: ["ann", "bob"], views: 3 },
      { page: "/b", visitors: ["bob", "cyd"], views: 2 },
    ],
  );
  const status = await readStatus({ ...settings, projection: pageViews(2, name), signal });
  assertEquals([status.lag, status.findings], [0, []]);

  // What a fold does elsewhere a rebuild would do again: it refuses, and leaves all as it was.
  await sql`create table reading.mails (page text)`;
  const mailing = pageViews(2, name);
  const projection: typeof mailing = {
    ...mailing,
    async apply(tx, events, table) {
      await mailing.apply(tx, events, table);
      await tx`insert into reading.mails values (${events[0]?.page ?? ""})`;
    },
  };
  await assertRejects(() => rebuild({ ...settings, projection, signal }), Error, "reading.mails");
  assertEquals((await sql`select from reading.mails`).length, 0);
  await sql.end();
});
