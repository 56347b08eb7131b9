/** The rules over made-up histories, without services: right ones give nothing, one mistake anywhere gives its finding. */
import fc from "fast-check";
import { textHeader } from "../../src/engine/core/record.ts";
import { judge } from "../../src/tools/verify/judge.ts";
import { loadLog } from "../../src/tools/verify/load_log.ts";
import type { LogRecord, RecordState } from "../../src/tools/verify/reader_frames.ts";
import { openSpill } from "../../src/tools/verify/spill.ts";
import { noteWithheld } from "../../src/tools/verify/withheld.ts";
import { assertEquals } from "../support/assert.ts";

type Fate = "invoiced" | "buried" | "redriven" | "buried again" | "aborted first" | "foreign";

/** One record to be loaded, in the topic of its place: 0 orders, 1 invoices, 2 dead letters. */
interface Entry {
  readonly topic: 0 | 1 | 2;
  readonly record: LogRecord;
}

const names = {
  ordersTopic: "orders",
  invoicesTopic: "invoices",
  deadLettersTopic: "orders.DLQ",
  cursorTopic: "cursor",
  relayGroup: "relay",
  invoicingGroup: "invoicing",
  redriveGroup: "redrive",
  projection: "order_views",
};
const encoder = new TextEncoder();
const uuid = (kind: number, n: number) =>
  `${String(kind).padStart(8, "0")}-0000-7000-8000-${n.toString(16).padStart(12, "0")}`;
const occurredAt = "2026-01-01T00:00:00.000Z";

/** Writes the whole way of each order into three logs of one partition. */
class Story {
  readonly entries: Entry[] = [];
  readonly #next = [0, 0, 0];

  tell(n: number, fate: Fate): void {
    if (fate === "foreign") return void this.bury(n, this.publish(n, "committed", "foreign"));
    if (fate === "aborted first") this.publish(n, "aborted");
    const place = this.publish(n, "committed");
    if (fate === "invoiced" || fate === "aborted first") return void this.invoice(n);
    const letter = this.bury(n, place);
    if (fate === "buried") return;
    const back = this.publish(n, "committed", `orders.DLQ/0/${letter}`);
    if (fate === "redriven") this.invoice(n);
    else this.bury(n, back);
  }

  publish(n: number, state: RecordState, from?: string): number {
    const order = {
      event_id: uuid(1, n),
      order_id: `order-${n}`,
      user_id: "user",
      amount: "100",
      currency: "EUR",
      occurred_at: occurredAt,
    };
    const relayed = from === "foreign" ? [] : [textHeader("event_id", order.event_id)];
    const redriven = from === undefined || from === "foreign"
      ? []
      : [textHeader("x-redriven-from", from)];
    const value = from === "foreign" ? "{" : JSON.stringify(order);
    return this.#write(0, n, state, value, [...relayed, ...redriven]);
  }

  invoice(n: number, state: RecordState = "committed"): number {
    const invoice = {
      event_id: uuid(2, n),
      invoice_id: `inv-${n}`,
      order_id: `order-${n}`,
      user_id: "user",
      net: "100.00",
      tax: "19",
      gross: "119.0",
      tax_rate: "0.19",
      currency: "EUR",
      occurred_at: occurredAt,
      causation: uuid(1, n),
    };
    return this.#write(1, n, state, JSON.stringify(invoice), []);
  }

  bury(n: number, place: number): number {
    return this.#write(2, n, "committed", "{", [
      textHeader("x-original-topic", "orders"),
      textHeader("x-original-partition", "0"),
      textHeader("x-original-offset", String(place)),
    ]);
  }

  #write(
    topic: 0 | 1 | 2,
    n: number,
    state: RecordState,
    value: string,
    headers: LogRecord["headers"],
  ): number {
    const offset = this.#next[topic] ?? 0;
    this.#next[topic] = offset + 1;
    const digest = `digest-${n}`;
    const record = {
      ...{ partition: 0, offset, timestamp: offset, state, valueDigest: digest, digest, headers },
      key: encoder.encode(`order-${n}`),
      value: encoder.encode(value),
    };
    this.entries.push({ topic, record });
    return offset;
  }
}

/** The kinds that are found in these logs, with everything committed and everything placed in Postgres. */
function kindsIn(
  entries: readonly Entry[],
  orders: readonly number[],
  withheld: readonly unknown[] = [],
  cut: { readonly deadLettersStart?: number; readonly deadLettersFromMs?: number } = {},
): string[] {
  using spill = openSpill(".onceflow/verify");
  [names.ordersTopic, names.invoicesTopic, names.deadLettersTopic].forEach((topic, place) => {
    spill.run("insert into role values (?, ?)", place, topic);
    spill.run("insert into log_end values (?, 0, 0, 100000, 100000, null)", topic);
  });
  const { deadLettersStart = 0, deadLettersFromMs } = cut;
  spill.run("update log_end set start = ? where topic = 'orders.DLQ'", deadLettersStart);
  spill.run("insert into consumed values (0, 100000, 100000)");
  spill.run("insert into relayed_up_to values (0, 100000, 100000)");
  spill.run("insert into outbox_end values (100000)");
  noteWithheld(spill, "orders", 0, JSON.stringify({ held: withheld }));
  const expect = spill.inserter(
    "insert into expected values (?, ?, 1, ?, 'user', '100', 'EUR', ?, 1, 0, ?, ?, 0)",
  );
  for (const n of orders) {
    const id = `order-${n}`;
    expect(uuid(1, n), id, id, Date.parse(occurredAt), n, `digest-${n}`);
  }
  const load = loadLog(spill, "orders");
  const loaders = [load.published, load.invoiced, load.dead];
  for (const { topic, record } of entries) loaders[topic]?.(record);
  const signal = new AbortController().signal;
  const findings = judge(spill, {
    ...{ names, drained: false, projectionInstalled: false, signal, deadLettersFromMs },
  });
  return [...new Set(findings.map(({ kind }) => kind))];
}

const fates = fc.array(
  fc.constantFrom<Fate>(
    "invoiced",
    "buried",
    "redriven",
    "buried again",
    "aborted first",
    "foreign",
  ),
  { minLength: 1, maxLength: 12 },
);

function tell(list: readonly Fate[]): { entries: Entry[]; orders: number[] } {
  const story = new Story();
  list.forEach((fate, n) => story.tell(n, fate));
  const orders = list.flatMap((fate, n) => fate === "foreign" ? [] : [n]);
  return { entries: story.entries, orders };
}

const runs = { numRuns: 40 };

Deno.test("a row that the relay holds back is not lost; one of another topic, key or place is", () => {
  assertEquals(kindsIn([], [2]), ["lost"]);
  for (const hold of [["orders", 1], ["orders", 1, "order-2"]]) {
    assertEquals(kindsIn([], [2], [hold]), []);
  }
  for (const hold of [["orders", 2], ["invoices", 1], ["orders", 1, "order-3"]]) {
    assertEquals(kindsIn([], [2], [hold]), ["lost"]);
  }
});

Deno.test("where retention has taken all dead letters, what is younger than it is held to its outcome all the same", () => {
  const { entries, orders } = tell(["invoiced", "buried", "invoiced"]);
  const left = entries.filter(({ topic }) => topic !== 2);
  const found = (deadLettersFromMs?: number) =>
    kindsIn(left, orders, [], { deadLettersStart: 5, deadLettersFromMs });
  // The buried order stands at 1 ms: older than what is kept, then younger, then nobody says how long it is kept.
  assertEquals([found(2), found(1), found()], [[], ["lost"], []]);
});

Deno.test("rules find nothing in any right history", () => {
  fc.assert(
    fc.property(fates, (list) => {
      const { entries, orders } = tell(list);
      assertEquals(kindsIn(entries, orders), []);
    }),
    runs,
  );
});

Deno.test("rules find whichever committed record is taken out of a right history", () => {
  fc.assert(
    fc.property(fates, fc.nat(), (list, choice) => {
      const { entries, orders } = tell(list);
      const committed = entries.filter(({ record }) => record.state === "committed");
      const taken = committed[choice % committed.length];
      const kinds = kindsIn(entries.filter((entry) => entry !== taken), orders);
      assertEquals(kinds.length > 0, true, `nothing found: ${JSON.stringify(list)}`);
    }),
    runs,
  );
});

Deno.test("rules find whichever committed record is doubled in a right history", () => {
  fc.assert(
    fc.property(fates, fc.nat(), (list, choice) => {
      const { entries, orders } = tell(list);
      const visible = entries.filter(({ topic, record }) =>
        record.state === "committed" &&
        !(topic === 0 && new TextDecoder().decode(record.value ?? undefined) === "{")
      );
      const original = visible[choice % Math.max(visible.length, 1)];
      if (original === undefined) return;
      const copy = { ...original, record: { ...original.record, offset: 50_000 } };
      const kinds = kindsIn([...entries, copy], orders);
      assertEquals(kinds.includes("doubled") || kinds.includes("lost"), true, kinds.join());
    }),
    runs,
  );
});

Deno.test("rules find whichever dead letter or publication is altered in a right history", () => {
  fc.assert(
    fc.property(fates, fc.nat(), (list, choice) => {
      const { entries, orders } = tell(list);
      const candidates = entries.filter(({ topic, record }) =>
        topic !== 1 && record.state === "committed"
      );
      const target = candidates[choice % candidates.length];
      const changed = entries.map((entry) =>
        entry === target
          ? { ...entry, record: { ...entry.record, digest: "other", valueDigest: "other" } }
          : entry
      );
      assertEquals(kindsIn(changed, orders), ["altered"]);
    }),
    runs,
  );
});
