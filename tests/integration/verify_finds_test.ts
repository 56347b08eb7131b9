/** The checker on real Kafka and Postgres: a right pipeline gives no finding, each deliberate mistake gives its own. */
import { type InputRecord, textHeader } from "../../src/engine/core/record.ts";
import type { ConservationReport } from "../../src/tools/verify/check_conservation.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { type Draft, HandMadePipeline, openSharedReader } from "./verify_pipeline.ts";

interface Story {
  readonly name: string;
  /** The kinds that must be found, and no other. */
  readonly finds: readonly string[];
  /** What the first counterexample of the first kind says. */
  readonly says?: RegExp;
  readonly drained?: boolean;
  /** It leaves a transaction open for good. */
  readonly leftOpen?: true;
  readonly expect?: (report: ConservationReport) => void;
  run(pipeline: HandMadePipeline): Promise<void>;
}

const invoices = (pipeline: HandMadePipeline, records: readonly InputRecord[]) =>
  records.map((record) => pipeline.invoiceOf(record));

function first<T>(list: readonly T[]): T {
  const [item] = list;
  if (item === undefined) throw new Error("the list is empty");
  return item;
}

const bytes = (text: string) => new TextEncoder().encode(text);

const rightStories: readonly Story[] = [
  {
    name: "finds nothing in a right pipeline",
    finds: [],
    async run(pipeline) {
      await pipeline.run(8);
      await pipeline.run(8);
    },
    expect({ figures }) {
      assertEquals([figures.placed, figures.announced, figures.invoiced, figures.projected], [
        16,
        16,
        16,
        16,
      ]);
    },
  },
  {
    name: "finds nothing in an empty pipeline",
    finds: [],
    run: async () => {},
  },
  {
    name: "finds nothing in dead letters, and counts foreign bytes as foreign",
    finds: [],
    async run(pipeline) {
      const poison = { key: "order-x", value: new Uint8Array([0xff, 0xfe, 0x00]) };
      await pipeline.place(4);
      const good = await pipeline.relay();
      const bad = await pipeline.write(pipeline.names.ordersTopic, [poison, {
        key: null,
        value: bytes("{"),
        partition: 0,
      }]);
      const [buried, ...invoiced] = good;
      if (buried === undefined) throw new Error("nothing was relayed");
      const outcomes = await pipeline.work([...good, ...bad], invoices(pipeline, invoiced), [
        pipeline.deadLetterOf(buried),
        ...bad.map((record) => pipeline.deadLetterOf(record)),
      ]);
      // One of the foreign ones is redriven in vain: it is still one foreign record.
      const poisoned = first(bad);
      const letter = outcomes.findLast(({ value }) => value === poisoned.value);
      if (letter === undefined) throw new Error("the poison was buried");
      const back = await pipeline.redrive(letter, poisoned);
      await pipeline.work([back], [], [pipeline.deadLetterOf(back)]);
      await pipeline.project();
    },
    expect({ figures }) {
      assertEquals([figures.placed, figures.invoiced, figures.dead_lettered], [4, 3, 1]);
      assertEquals(figures.foreign, { records: 2, invoiced: 0, dead_lettered: 2 });
    },
  },
  {
    name: "finds nothing in a dead letter that was redriven and then invoiced",
    finds: [],
    async run(pipeline) {
      await pipeline.place(2);
      const published = await pipeline.relay();
      const bad = first(published);
      const [letter] = await pipeline.work([bad], [], [pipeline.deadLetterOf(bad)]);
      if (letter === undefined) throw new Error("nothing was written");
      const back = await pipeline.redrive(letter, bad);
      const rest = [...published.slice(1), back];
      await pipeline.work(rest, invoices(pipeline, rest));
      await pipeline.project();
    },
    expect({ figures }) {
      assertEquals([figures.invoiced, figures.dead_lettered, figures.redriven], [2, 0, 1]);
    },
  },
  {
    name: "finds nothing in an order that was put back for another flow",
    finds: [],
    async run(pipeline) {
      const [order] = await pipeline.run(1);
      if (order === undefined) throw new Error("one was published");
      const { key, value, headers, partition } = order;
      const back = await pipeline.write(pipeline.names.ordersTopic, [{
        ...{ key, value: value ?? new Uint8Array(), partition },
        headers: [
          ...headers,
          textHeader("x-redriven-for", "onceflow.mailing"),
          textHeader("x-redriven-from", "orders.DLQ/0/7"),
        ],
      }]);
      await pipeline.consume(back);
      await pipeline.project();
    },
  },
  {
    name: "finds nothing in the dead letter of another flow, which shares the topic",
    finds: [],
    async run(pipeline) {
      const [order] = await pipeline.run(1);
      if (order === undefined) throw new Error("one was published");
      const letter = pipeline.deadLetterOf(order, "onceflow.mailing");
      await pipeline.write(pipeline.names.deadLettersTopic, [letter]);
      await pipeline.project();
    },
    expect({ figures }) {
      assertEquals([figures.invoiced, figures.dead_lettered], [1, 0]);
    },
  },
  {
    name:
      "finds nothing in a dead letter that failed again after its redrive and was redriven again",
    finds: [],
    async run(pipeline) {
      await pipeline.place(1);
      const bad = first(await pipeline.relay());
      const letter = first(await pipeline.work([bad], [], [pipeline.deadLetterOf(bad)]));
      const again = await pipeline.redrive(letter, bad);
      await pipeline.work([again], [], [pipeline.deadLetterOf(again)]);
      const atLast = await pipeline.redrive(letter, bad);
      await pipeline.work([atLast], [pipeline.invoiceOf(atLast)]);
      await pipeline.project();
    },
    expect({ figures }) {
      assertEquals([figures.invoiced, figures.dead_lettered, figures.redriven], [1, 0, 2]);
    },
  },
  {
    name: "finds nothing in what an aborted transaction left behind",
    finds: [],
    async run(pipeline) {
      await pipeline.place(3);
      const drafts = (await pipeline.publications()).map(({ draft }) => draft);
      await pipeline.write(pipeline.names.ordersTopic, drafts, "abort");
      const published = await pipeline.relay();
      const outcomes = invoices(pipeline, published);
      await pipeline.write(pipeline.names.invoicesTopic, outcomes, "abort");
      await pipeline.work(published, outcomes);
      await pipeline.project();
    },
    expect({ figures }) {
      assertEquals(figures.aborted, 6);
    },
  },
  {
    name: "leaves undecided what is on its way, unless it was told that nothing is",
    finds: [],
    drained: false,
    async run(pipeline) {
      await pipeline.run(2);
      await pipeline.place(2);
      await pipeline.relay();
      await pipeline.place(1);
    },
    expect({ figures }) {
      assertEquals(figures.lag, { relay: 1, worker: 2, projector: 2 });
    },
  },
  {
    name: "finds nothing when published rows were deleted from the outbox",
    finds: [],
    async run(pipeline) {
      await pipeline.run(4);
      await pipeline.sql`delete from outbox`;
    },
  },
];

const wrongStories: readonly Story[] = [
  {
    name: "finds an order that was never published",
    finds: ["lost"],
    says: /outbox position \d+, cursor \d+, no publication/,
    async run(pipeline) {
      await pipeline.place(3);
      const published = await pipeline.relay((drafts) => drafts.slice(1));
      await pipeline.work(published, invoices(pipeline, published));
      await pipeline.project();
    },
  },
  {
    name: "finds an invoice that is missing",
    finds: ["lost"],
    says: /no invoice/,
    async run(pipeline) {
      await pipeline.place(3);
      const published = await pipeline.relay();
      await pipeline.work(published, invoices(pipeline, published.slice(1)));
      await pipeline.project();
    },
    expect(report) {
      const history = report.findings[0]?.history;
      assertEquals(history?.steps.map(({ stage }) => stage), [
        "row",
        "outbox",
        "published",
        "projected",
      ]);
    },
  },
  {
    name: "finds a publication that was sent twice",
    finds: ["doubled"],
    says: /2 invoices|published 2 times/,
    async run(pipeline) {
      await pipeline.place(2);
      const published = await pipeline.relay((drafts) => [...drafts, first(drafts)]);
      await pipeline.work(published, invoices(pipeline, published));
      await pipeline.project();
    },
  },
  {
    name: "finds a customer who was billed twice",
    finds: ["doubled"],
    says: /2 invoices/,
    async run(pipeline) {
      const published = await pipeline.run(3);
      await pipeline.work([], [pipeline.invoiceOf(first(published))]);
      await pipeline.project();
    },
  },
  {
    name: "finds an order that was both invoiced and dead-lettered",
    finds: ["doubled"],
    says: /an invoice and a dead letter/,
    async run(pipeline) {
      const published = await pipeline.run(3);
      await pipeline.work([], [], [pipeline.deadLetterOf(first(published))]);
      await pipeline.project();
    },
  },
  {
    name: "finds a dead letter that was redriven twice",
    finds: ["doubled"],
    async run(pipeline) {
      await pipeline.place(1);
      const bad = first(await pipeline.relay());
      const letter = first(await pipeline.work([bad], [], [pipeline.deadLetterOf(bad)]));
      const backs = [await pipeline.redrive(letter, bad), await pipeline.redrive(letter, bad)];
      await pipeline.work(backs, invoices(pipeline, backs));
      await pipeline.project();
    },
  },
  {
    name: "finds a publication of an order that nobody placed",
    finds: ["invented"],
    async run(pipeline) {
      await pipeline.place(2);
      const published = await pipeline.relay();
      await pipeline.work(published, invoices(pipeline, published));
      await pipeline.project();
      await pipeline.sql`delete from orders where order_id = ${keyOf(first(published))}`;
      await pipeline.sql`delete from outbox where key = ${keyOf(first(published))}`;
    },
  },
  {
    name: "finds an invoice for an order that was never published",
    finds: ["invented"],
    says: /is not on the orders topic/,
    async run(pipeline) {
      const published = await pipeline.run(2);
      const stray = pipeline.invoiceOf(first(published), {
        order_id: "order-from-nowhere",
        causation: crypto.randomUUID(),
      });
      await pipeline.work([], [{ ...stray, key: "order-from-nowhere" }]);
      await pipeline.project();
    },
  },
  {
    name: "finds a dead letter of a record that never was",
    finds: ["invented"],
    async run(pipeline) {
      const published = await pipeline.run(2);
      await pipeline.work([], [], [
        pipeline.deadLetterOf({ ...first(published), offset: 4_711 }),
      ]);
      await pipeline.project();
    },
  },
  {
    name: "finds a dead letter whose value was altered by one byte",
    finds: ["altered"],
    says: /differs from the record/,
    async run(pipeline) {
      await pipeline.place(1);
      const bad = first(await pipeline.relay());
      const letter = pipeline.deadLetterOf(bad);
      await pipeline.work([bad], [], [{ ...letter, value: flip(letter.value) }]);
      await pipeline.project();
    },
  },
  {
    name: "finds a dead letter that lost a header",
    finds: ["altered"],
    async run(pipeline) {
      await pipeline.place(1);
      const bad = first(await pipeline.relay());
      const letter = pipeline.deadLetterOf(bad);
      await pipeline.work([bad], [], [{ ...letter, headers: letter.headers?.slice(1) ?? [] }]);
      await pipeline.project();
    },
  },
  {
    name: "finds a publication with other bytes than the outbox row",
    finds: ["altered"],
    says: /other bytes than outbox position/,
    async run(pipeline) {
      await pipeline.place(1);
      const published = await pipeline.relay((drafts) =>
        drafts.map((draft) => ({
          ...draft,
          value: bytes(new TextDecoder().decode(draft.value) + " "),
        }))
      );
      await pipeline.work(published, invoices(pipeline, published));
      await pipeline.project();
    },
  },
  {
    name: "finds an invoice over another amount than the order",
    finds: ["altered"],
    says: /net 99, the order is over 100/,
    async run(pipeline) {
      await pipeline.place(1);
      const published = await pipeline.relay();
      const wrong = pipeline.invoiceOf(first(published), { net: "99", gross: "118.00" });
      await pipeline.work(published, [wrong]);
      await pipeline.project();
    },
  },
  {
    name: "finds an invoice whose gross is not net plus tax",
    finds: ["altered"],
    says: /is not gross/,
    async run(pipeline) {
      await pipeline.place(1);
      const published = await pipeline.relay();
      await pipeline.work(published, [
        pipeline.invoiceOf(first(published), { gross: "119.01" }),
      ]);
      await pipeline.project();
    },
  },
  {
    name: "finds a key whose events were published the wrong way round",
    finds: ["out_of_order"],
    says: /comes after position/,
    async run(pipeline) {
      await pipeline.place(2);
      const [one, two] = await pipeline.publications();
      if (one === undefined || two === undefined) throw new Error("two were placed");
      // Two events of one key: the second speaks of the first one's order, too.
      const key = String(one.draft.key);
      const event = JSON.parse(new TextDecoder().decode(two.draft.value));
      const value = bytes(JSON.stringify({ ...event, order_id: key }));
      await pipeline.sql`delete from orders where order_id = ${event.order_id}`;
      await pipeline.sql`
        update outbox set key = ${key}, value = ${value} where position = ${two.position}
      `;
      const published = await pipeline.relay((drafts) => drafts.toReversed());
      const outcomes = published.map((record): Draft => ({
        ...pipeline.invoiceOf(record),
        key: record.key,
      }));
      await pipeline.work(published, outcomes);
      await pipeline.project();
    },
  },
  {
    name: "finds an invoice that is visible while its offset is not committed",
    finds: ["torn"],
    says: /the group has committed only offset/,
    drained: false,
    async run(pipeline) {
      await pipeline.run(4);
      await pipeline.place(4);
      const published = await pipeline.relay();
      await pipeline.work([], invoices(pipeline, published));
      await pipeline.project();
    },
  },
  {
    name: "finds an offset that was committed while its output was aborted",
    finds: ["lost", "torn"],
    async run(pipeline) {
      await pipeline.place(3);
      const published = await pipeline.relay();
      const outcomes = invoices(pipeline, published);
      await pipeline.write(pipeline.names.invoicesTopic, outcomes, "abort");
      await pipeline.consume(published);
      await pipeline.project();
    },
  },
  {
    name: "finds an invoice that was made from an aborted publication",
    finds: ["visible_abort"],
    says: /is aborted/,
    async run(pipeline) {
      await pipeline.run(2);
      await pipeline.place(1);
      const drafts = (await pipeline.publications()).map(({ draft }) => draft);
      const aborted = await pipeline.write(pipeline.names.ordersTopic, drafts, "abort");
      await pipeline.sql`delete from orders where order_id = ${keyOf(first(aborted))}`;
      await pipeline.sql`delete from outbox where key = ${keyOf(first(aborted))}`;
      await pipeline.work([], invoices(pipeline, aborted));
      await pipeline.project();
    },
  },
  {
    name: "finds a transaction that was left open",
    finds: ["open_transaction"],
    leftOpen: true,
    says: /verify-test-.* since offset \d+ \(.* whose producer has not ended it/,
    async run(pipeline) {
      const published = await pipeline.run(2);
      await pipeline.write(
        pipeline.names.invoicesTopic,
        [pipeline.invoiceOf(first(published))],
        "open",
      );
    },
  },
  {
    name: "finds an offset that waits for a transaction that was left open",
    finds: ["open_transaction"],
    drained: false,
    leftOpen: true,
    says: /has an offset pending here/,
    async run(pipeline) {
      await pipeline.run(2);
      await pipeline.place(1);
      const published = await pipeline.relay();
      const { invoicesTopic } = pipeline.names;
      await pipeline.write(
        invoicesTopic,
        invoices(pipeline, published),
        "open",
        (transaction) => pipeline.sendConsumed(transaction, published),
      );
    },
  },
  {
    name: "finds a committed offset beyond the end of the log",
    finds: ["offset_outside_log"],
    says: /committed \d+, the log goes from 0 to/,
    async run(pipeline) {
      const published = await pipeline.run(2);
      await pipeline.consume([{ ...first(published), offset: 1_000 }]);
    },
  },
  {
    name: "finds a relay cursor that the database knows nothing of, as after a restore",
    finds: ["offset_outside_log"],
    says: /restored/,
    async run(pipeline) {
      await pipeline.run(3);
      await pipeline.sql`alter sequence outbox_position restart with 1`;
    },
  },
  {
    name: "finds lag when it was told that there is none",
    finds: ["lag"],
    async run(pipeline) {
      await pipeline.run(2);
      await pipeline.place(1);
    },
  },
  {
    name: "finds a changed row of the read model",
    finds: ["projection_differs"],
    says: /status|amount is 7, the log says 100/,
    async run(pipeline) {
      const published = await pipeline.run(2);
      await pipeline.sql`
        update order_view set amount = 7 where order_id = ${keyOf(first(published))}
      `;
    },
  },
  {
    name: "finds a row of the read model that is missing, and one too many",
    finds: ["projection_differs"],
    async run(pipeline) {
      const published = await pipeline.run(2);
      await pipeline.sql`delete from order_view where order_id = ${keyOf(first(published))}`;
      await pipeline.sql`
        insert into order_view (order_id, user_id, amount, currency, placed_at, placed_count)
        values ('ghost', 'u', 1, 'EUR', now(), 1)
      `;
    },
    expect({ findings }) {
      assertEquals(findings.length, 2);
    },
  },
  {
    name: "finds totals of a customer that do not add up",
    finds: ["projection_differs"],
    says: /invoiced_total is/,
    async run(pipeline) {
      await pipeline.run(2);
      await pipeline.sql`update customer_totals set invoiced_total = invoiced_total + 0.01`;
    },
  },
];

for (const [title, stories] of [["right", rightStories], ["wrong", wrongStories]] as const) {
  Deno.test(`verify judges ${title} pipelines rightly`, async (t) => {
    await using reader = await openSharedReader();
    for (const story of stories) {
      await t.step(`verify ${story.name}`, async () => {
        await using pipeline = await HandMadePipeline.open(reader);
        await story.run(pipeline);
        const report = await pipeline.verify(story.drained ?? true, story.leftOpen);
        const kinds = [...new Set(report.findings.map(({ kind }) => kind))];
        assertEquals(kinds, [...story.finds], JSON.stringify(report.findings, null, 2));
        assertEquals(report.good, story.finds.length === 0);
        if (story.says) {
          const details = report.findings.map(({ first }) => first.detail).join("\n");
          assertMatch(details, story.says);
        }
        assert(report.findings.every(({ count }) => count > 0));
        story.expect?.(report);
      });
    }
  });
}

Deno.test("verify finds nothing while the pipeline runs", async () => {
  await using reader = await openSharedReader();
  await using pipeline = await HandMadePipeline.open(reader);
  const finished = new AbortController();
  let rounds = 0;
  const running = (async () => {
    while (!finished.signal.aborted && rounds < 10_000) {
      await pipeline.run(3);
      rounds++;
    }
  })();
  try {
    for (let round = 0; round < 5; round++) {
      const report = await pipeline.verify(false);
      assertEquals(report.findings, [], JSON.stringify(report.findings, null, 2));
    }
  } finally {
    finished.abort();
    await running;
  }
  const { figures, findings } = await pipeline.verify();
  assertEquals(findings, []);
  assertEquals(figures.projected, 3 * rounds);
});

function keyOf(record: InputRecord): string {
  return new TextDecoder().decode(record.key ?? new Uint8Array());
}

function flip(value: Uint8Array): Uint8Array {
  return value.map((byte, index) => index === 0 ? byte ^ 1 : byte);
}
