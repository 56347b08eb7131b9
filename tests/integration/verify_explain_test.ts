/** `explain` on real Kafka and Postgres: wherever an order is, it names the place and the reason. */
import { partitionForKey } from "../../src/engine/core/partition_for_key.ts";
import { formatExplanation } from "../../src/tools/verify/format_explanation.ts";
import { assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { HandMadePipeline, openSharedReader } from "./verify_pipeline.ts";

Deno.test("explain follows an order through the pipeline", async (t) => {
  await using reader = await openSharedReader();
  await using pipeline = await HandMadePipeline.open(reader);
  const { sql, names } = pipeline;
  const stage = async (id: string) => (await pipeline.explain(id)).standing.stage;
  const [order = "", bad = ""] = await pipeline.place(2);

  await t.step("an order that nobody placed is unknown", async () => {
    const explanation = await pipeline.explain("order-of-nobody");
    assertEquals(explanation.standing.stage, "unknown");
    assertStringIncludes(formatExplanation(explanation), "Order order-of-nobody is unknown");
  });

  await t.step("an order in the outbox waits for the writer that holds the horizon", async () => {
    const writer = await sql.reserve();
    try {
      await writer`begin`;
      await writer`select pg_current_xact_id(), 'a writer that was left open'`;
      const explanation = await pipeline.explain(order);
      assertEquals(explanation.standing.stage, "in the outbox");
      const [{ pid }] = await writer<[{ pid: number }]>`select pg_backend_pid() as pid`;
      const holder = explanation.horizon?.holder;
      if (holder?.kind === "session" && holder.database === await databaseOf()) {
        assertEquals(holder.pid, pid);
      }
      assertMatch(formatExplanation(explanation), /The relay waits for p/);
    } finally {
      await writer`rollback`;
      writer.release();
    }
  });

  await t.step("an order in an open transaction is being published", async () => {
    const drafts = (await pipeline.publications()).map(({ draft }) => draft);
    await pipeline.write(names.ordersTopic, drafts, "abort");
    const { standing, history } = await pipeline.explain(order);
    assertEquals(standing.stage, "in the outbox");
    assertStringIncludes(standing.because, "1 attempt(s) to publish it were aborted");
    assertEquals(history.steps.filter(({ state }) => state === "aborted").length, 1);
  });

  const published = await pipeline.relay();
  const [good, poison] = [order, bad].map((id) =>
    published.find(({ key }) => new TextDecoder().decode(key ?? undefined) === id)
  );
  if (good === undefined || poison === undefined) throw new Error("two were published");

  await t.step("a published order waits for the worker", async () => {
    const { standing } = await pipeline.explain(order);
    assertEquals(standing.stage, "waiting for the worker");
    assertStringIncludes(standing.because, `${names.ordersTopic}-${good.partition}@${good.offset}`);
  });

  const outcomes = await pipeline.work([good, poison], [pipeline.invoiceOf(good)], [
    pipeline.deadLetterOf(poison),
  ]);

  await t.step("an order with an outcome waits for the projector", async () => {
    assertEquals(await stage(order), "waiting for the projector");
    assertEquals(await stage(bad), "waiting for the projector");
  });

  await pipeline.project();

  await t.step("a projected order is invoiced, or a dead letter with its reason", async () => {
    assertEquals(await stage(order), "invoiced");
    const { standing } = await pipeline.explain(bad);
    assertEquals(standing.stage, "dead-lettered");
    assertStringIncludes(standing.because, "PoisonError: no tax rate (attempts: 1)");
  });

  await t.step("a redriven order shows the way that it came", async () => {
    const letter = outcomes.find(({ topic }) => topic === names.deadLettersTopic);
    if (letter === undefined) throw new Error("no dead letter was written");
    const back = await pipeline.redrive(letter, poison);
    assertEquals(await stage(bad), "waiting for the worker");
    await pipeline.work([back], [pipeline.invoiceOf(back)]);
    await pipeline.project();
    const { standing, history } = await pipeline.explain(bad);
    assertEquals(standing.stage, "invoiced");
    const seen = history.steps.filter(({ state }) => state !== "aborted");
    assertEquals(seen.map((step) => step.stage), [
      "row",
      "outbox",
      "published",
      "dead-lettered",
      "redriven",
      "invoiced",
      "projected",
    ]);
  });

  await t.step(
    "an order is found in another partition than its key's: some were added since",
    async () => {
      const [old = ""] = await pipeline.place(1);
      const elsewhere = 1 - partitionForKey(new TextEncoder().encode(old), 2);
      const moved = await pipeline.relay((drafts) =>
        drafts.map((draft) => ({ ...draft, partition: elsewhere }))
      );
      assertEquals(await stage(old), "waiting for the worker");
      await pipeline.work(moved, [], moved.map((record) => pipeline.deadLetterOf(record)));
      await pipeline.project();
      assertEquals(await stage(old), "dead-lettered");
    },
  );

  await t.step("an order that is pending above the last stable offset says whose", async () => {
    const [late = ""] = await pipeline.place(1);
    const drafts = (await pipeline.publications()).map(({ draft }) => draft);
    await pipeline.write(names.ordersTopic, drafts, "open");
    const { standing } = await pipeline.explain(late, "atOnce");
    assertEquals(standing.stage, "being published");
    assertMatch(standing.because, /the transaction of verify-test-.* is open since offset \d+/);
    assertMatch(standing.because, /orders-\d waits .* whose producer has not ended it/);
  });

  async function databaseOf(): Promise<string> {
    const [row] = await sql<{ name: string }[]>`select current_database() as name`;
    return row?.name ?? "";
  }
});
