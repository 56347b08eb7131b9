import { openDashboardFeed } from "../../src/app/dashboard/dashboard_feed.ts";
import { dashboardRoutes } from "../../src/app/dashboard/dashboard_routes.ts";
import { startServer } from "../../src/app/http/server.ts";
import { sampleData, sampleHistory, sampleRuns } from "../browser/dashboard_sample.ts";
import { assert, assertEquals, assertGreater } from "../support/assert.ts";

/** A feed whose documents are numbered by `placed`. */
function countingFeed(bounds: Parameters<typeof openDashboardFeed>[1]) {
  const reads = { count: 0 };
  const feed = openDashboardFeed(() => Promise.resolve(sampleData(++reads.count)), bounds);
  return { feed, reads };
}

async function placedIn({ value }: { readonly value?: Uint8Array }): Promise<number> {
  const text = await new Response(value as BodyInit | undefined).text();
  assert(text.startsWith("data: {") && text.endsWith("}\n\n"), text.slice(0, 80));
  return JSON.parse(text.slice("data: ".length)).counts.value.placed;
}

function readerOf(body: ReadableStream<Uint8Array> | undefined) {
  if (body === undefined) throw new Error("no stream was opened");
  return body.getReader();
}

Deno.test("all streams are told the same documents, read once, and none is read for nobody", async () => {
  const { feed, reads } = countingFeed({ everyMs: 5 });
  assertEquals(reads.count, 0);
  const [one, two] = [readerOf(feed.open()), readerOf(feed.open())];
  const first = await placedIn(await one.read());
  while (await placedIn(await two.read()) < first + 2);
  await one.cancel();
  await two.cancel();
  const { count } = reads;
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert(reads.count <= count + 1, `${reads.count - count} reads after everybody had left`);
});

Deno.test("a page that takes nothing is left out, and is told the latest when it does", async () => {
  const { feed, reads } = countingFeed({ everyMs: 1 });
  const slow = readerOf(feed.open());
  const quick = readerOf(feed.open());
  while (reads.count < 20) await quick.read();
  const old = await placedIn(await slow.read());
  assertGreater(3, old);
  assertGreater(await placedIn(await slow.read()), 19);
  feed.close();
});

Deno.test("as many streams are open as may, and one that leaves makes room", async () => {
  const { feed } = countingFeed({ everyMs: 5, streamsMax: 2 });
  const app = dashboardRoutes({
    read: () => Promise.resolve(sampleData(1)),
    find: () => Promise.resolve(undefined),
    feed,
    history: sampleHistory,
    runs: () => Promise.resolve(sampleRuns()),
  });
  const ask = () => app.request("/dashboard/stream");
  const [one, two, three] = [await ask(), await ask(), await ask()];
  assertEquals([one.status, two.status, three.status], [200, 200, 503]);
  assertEquals(one.headers.get("content-type"), "text/event-stream");
  assertEquals(three.headers.get("retry-after"), "5");
  await three.body?.cancel();
  await one.body?.cancel();
  const four = await ask();
  assertEquals(four.status, 200);
  feed.close();
  await Promise.all([two.text(), four.text()]);
  assertEquals((await ask()).status, 503);
});

Deno.test("a stream ends when its time is over, for those whose machine has gone", async () => {
  const { feed } = countingFeed({ everyMs: 1, streamMsMax: 10 });
  await new Response(feed.open()).text();
  feed.close();
});

Deno.test("a server that closes waits for no stream", async () => {
  const { feed } = countingFeed({ everyMs: 5 });
  const server = startServer(() => new Response(feed.open()), { host: "127.0.0.1", port: 0 });
  const answer = await fetch(`http://127.0.0.1:${server.port}/`);
  feed.close();
  await server.close();
  assert((await answer.text()).endsWith("\n\n"), "it ended between two events");
});
