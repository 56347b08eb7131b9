/** What is personal stands in no error text: neither in the dead letter's headers, nor in the log, nor in a trace. */
import { z } from "zod";
import { DeadLetterLog } from "../../src/engine/core/dead_letter_log.ts";
import { defineFlow } from "../../src/engine/core/flow.ts";
import { PoisonError } from "../../src/engine/core/errors.ts";
import { withheldText } from "../../src/engine/core/personal.ts";
import { planBatch } from "../../src/engine/core/plan_batch.ts";
import { headerText, type InputRecord } from "../../src/engine/core/record.ts";
import { textTopic } from "../../src/engine/core/plain_topics.ts";
import { topic } from "../../src/engine/core/topic_contract.ts";
import { configureLogging } from "../../src/engine/observe/logging.ts";
import { orderReading } from "../../src/app/orders/order_record.ts";
import { assertEquals, assertStringIncludes, assertThrows } from "../support/assert.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

const customer = z.object({
  id: z.string(),
  name: z.string(),
  age: z.number().optional(),
  mails: z.array(z.object({ at: z.string() })).default([]),
});

function record(value: unknown, key = "k"): InputRecord {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return {
    ...{ topic: "customers", partition: 0, offset: 7, timestamp: 0, headers: [] },
    ...{ key: bytes(key), value: bytes(text) },
  };
}

/** What becomes of a record whose transform throws that. */
async function letterOf(input: InputRecord, thrown: (name: string) => string, key = false) {
  const customers = topic("customers", {
    read: customer,
    key: ({ id }) => id,
    personal: { fields: ["name", "age", "mails.at"], key },
  });
  const flow = defineFlow({
    name: "greeting",
    from: customers,
    to: [textTopic("greetings")],
    transform: ({ name }) => {
      throw new PoisonError(thrown(name));
    },
  });
  const target = { partitionCount: () => 1, recordBytesMax: 1e6, planMsMax: 1e9 };
  const plan = await planBatch(flow, [input], target, { signal: new AbortController().signal });
  const { headers } = plan.outputs[0] ?? { headers: [] };
  const texts = ["x-error", "kafka_dlt-exception-message"].map((name) => headerText(headers, name));
  assertEquals(texts[0], texts[1]);
  return { error: texts[0], plan, hidesKey: customers.hidesKey?.(input) };
}

Deno.test("personal values are replaced by their fields, however they are quoted", async () => {
  const ada = record({ id: "1", name: 'Ada "A" \\ Łódź', age: 36, mails: [{ at: "a@b.c" }] });
  const quoting = await letterOf(
    ada,
    (name) => `${name}|${JSON.stringify(name)}|36|1367|<a@b.c>|id 1`,
  );
  assertEquals(quoting.error, '<name>|"<name>"|<age>|1367|<<mails.at>>|id 1');
});

Deno.test("a value that is part of another, or of a placeholder, does not break what was replaced", async () => {
  const value = record({ id: "x", name: "mails", mails: [{ at: "mails@home" }] });
  const { error } = await letterOf(value, (name) => `${name} wrote from mails@home`);
  assertEquals(error, "<name> wrote from <mails.at>");
});

Deno.test("a personal value of a million characters, or half of a pair, is replaced where it is quoted and stops nothing", async () => {
  const long = `${"z".repeat(1_500_000)}(`;
  const other = await letterOf(record({ id: "x", name: long }), () => "no rate");
  assertEquals(other.error, "no rate");
  const quoting = await letterOf(record({ id: "x", name: long }), (name) => `${name} is long`);
  assertEquals(quoting.error, "<name> is long");
  const half = await letterOf(record({ id: "x", name: "Ada\ud800 L" }), (name) => `no ${name}!`);
  assertEquals(half.error, "no <name>!");
});

Deno.test("of personal values that overlap nothing is left", async () => {
  const value = record({ id: "x", name: "home of Ada", mails: [{ at: "ada@home" }] });
  const { error } = await letterOf(value, () => "to ada@home of Ada, now");
  assertEquals(error, "to <mails.at>, now");
});

Deno.test("of a value that cannot be read nobody knows what is personal: its error is withheld", async () => {
  const { error } = await letterOf(record('{"name":"Ada Lovelace", oops'), String);
  assertEquals(error, withheldText);
});

Deno.test("of a value that does not fit the schema the field is named, and not what is in it", () => {
  const email = topic("customers", {
    read: z.object({
      name: z.string().refine(() => false, { error: ({ input }) => `no ${input}` }),
    }),
    key: ({ name }) => name,
    personal: { fields: ["name"] },
  });
  const ada = record({ name: "Ada Lovelace" });
  const error = assertThrows(() => email.decode(ada), PoisonError, "Ada Lovelace");
  assertEquals(
    email.redact?.(error.message, ada),
    "the value does not fit the schema: name: no <name>",
  );
});

Deno.test("a personal key is neither in the text nor in the fields of the log", async () => {
  const input = record({ id: "1", name: "Ada" }, "ada@home");
  const lines: string[] = [];
  configureLogging({ level: "info", format: "json", write: (line) => lines.push(line) });
  for (const hides of [true, false]) {
    const { error, plan, hidesKey } = await letterOf(input, () => "no mail to ada@home", hides);
    assertEquals(error, hides ? "no mail to <key>" : "no mail to ada@home");
    using log = new DeadLetterLog("customers.DLQ", input, hidesKey);
    log.tell(plan.deadLettered);
  }
  assertEquals(lines.map((line) => line.includes("ada@home")), [false, true]);
});

Deno.test("an order's customer is in no error text, and its id is", () => {
  const orders = topic("orders", orderReading);
  const order = { order_id: "o-1", user_id: "customer-7", amount: "1", currency: "USD" };
  const input = { ...record(order, "other"), topic: "orders" };
  const text = "customer-7 of o-1 is unknown";
  assertEquals(orders.redact?.(text, input), "<user_id> of o-1 is unknown");
  assertStringIncludes(orders.redact?.("no <user_id>", input) ?? "", "no <user_id>");
});

Deno.test("a personal field without a name is refused where the topic is declared", () => {
  assertThrows(
    () => topic("t", { read: customer, key: ({ id }) => id, personal: { fields: ["mails."] } }),
    TypeError,
    "no name",
  );
});
