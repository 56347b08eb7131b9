/**
 * Example: a read model of one's own, and how to change it later.
 *
 * `page_views` counts the views of each page from a topic. Version 1 forgets who looked; version 2 counts the visitors,
 * too. The rebuild makes the new tables from the log beside the old ones and swaps them in: nobody has to stop, and
 * nobody writes a migration that guesses what the old table did not keep.
 */
import { z } from "zod";
import { migrate } from "../../src/engine/postgres/migrate.ts";
import { openDatabase } from "../../src/engine/postgres/database.ts";
import {
  defineProjection,
  type Projection,
} from "../../src/engine/projection/define_projection.ts";
import { installProjection } from "../../src/engine/projection/install_projection.ts";
import { projectionMigrations } from "../../src/engine/projection/projection_schema.ts";
import { readJsonEvent } from "../../src/engine/projection/read_json_event.ts";
import { rebuildProjection } from "../../src/engine/projection/rebuild_projection.ts";
import { projectPartition } from "../../src/engine/projection/run_projector.ts";
import { kafkaLog } from "../integration/projection_kafka_log.ts";
import { assertEquals } from "../support/assert.ts";
import { freshDatabase } from "../support/services.ts";

const viewed = z.object({ id: z.uuid(), page: z.string(), visitor: z.string() });
type Viewed = z.infer<typeof viewed> & { readonly eventId: string };

function pageViews(version: 1 | 2, topic: string): Projection<Viewed> {
  const visitors = version === 2 ? "visitors text[] not null," : "";
  return defineProjection<Viewed>({
    name: "page_views",
    version,
    topics: [topic],
    tables: [{
      name: "page_views",
      ddl: (table) => `
        create table ${table} (page text primary key, ${visitors} views int not null)
      `,
    }],
    decode(record) {
      const event = readJsonEvent(record, viewed);
      return event && { ...event, eventId: event.id };
    },
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
  await using log = await kafkaLog(1);
  await using fresh = await freshDatabase();
  await using database = openDatabase(fresh.url, { connectionsMax: 4, applicationName: "example" });
  const { sql } = database;
  const topic = log.topics.orders;
  const look = (page: string, visitor: string) => ({
    topic,
    partition: 0,
    key: new TextEncoder().encode(page),
    value: new TextEncoder().encode(JSON.stringify({ id: crypto.randomUUID(), page, visitor })),
    headers: [],
    timestamp: Date.now(),
  });
  await log.write([look("/a", "ann"), look("/a", "bob"), look("/a", "ann"), look("/b", "bob")]);

  // Once, at the start of the program:
  const first = pageViews(1, topic);
  await migrate(sql, projectionMigrations);
  await installProjection(sql, first);

  // For as long as the program runs, one for each partition:
  const stop = new AbortController();
  await using reader = await log.openReader({ topic, partition: 0 }, 0);
  const settings = {
    dedupe: "position",
    bounds: { recordsMax: 500, bytesMax: 1_000_000 },
    backoff: { firstMs: 100, waitMsMax: 5_000 },
  } as const;
  await projectPartition({ reader, signal: stop.signal }, {
    ...settings,
    sql,
    projection: first,
    onApplied: () => stop.abort(),
  });
  assertEquals(
    [...await sql`select page, views from page_views order by page`].map((row) => ({ ...row })),
    [{ page: "/a", views: 3 }, { page: "/b", views: 1 }],
  );

  // With the next release:
  const report = await rebuildProjection({ ...settings, sql, source: log }, {
    projection: pageViews(2, topic),
    signal: AbortSignal.timeout(120_000),
  });
  assertEquals([report.replacedVersion, report.version, report.events], [1, 2, 4]);
  assertEquals(
    [...await sql`select page, visitors, views from page_views order by page`]
      .map((row) => ({ ...row })),
    [
      { page: "/a", visitors: ["ann", "bob"], views: 3 },
      { page: "/b", visitors: ["bob"], views: 1 },
    ],
  );
});
