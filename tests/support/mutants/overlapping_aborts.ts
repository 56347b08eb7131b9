/** Orders that were never placed, in two transactions that overlap and are aborted, the later one first. */
import { waitFor } from "../../../src/tools/stack/wait.ts";
import { assert } from "../assert.ts";
import { stockKafkajs } from "./mutated_readers.ts";

/** Writes them; nobody who reads committed records may see one. */
export async function writeOverlappingAborts(
  brokers: readonly string[],
  topic: string,
  /** The offset behind all that is on the topic, open transactions and markers as well. */
  end: () => Promise<number>,
): Promise<void> {
  const { Kafka, logLevel } = stockKafkajs();
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
  const producer = () =>
    kafka.producer({
      ...{ idempotent: true, maxInFlightRequests: 1 },
      transactionalId: `overlap-${crypto.randomUUID()}`,
    });
  const [one, two] = [producer(), producer()];
  await Promise.all([one.connect(), two.connect()]);
  try {
    const first = await one.transaction();
    await first.send({ topic, messages: [order("aborted-first")] });
    const second = await two.transaction();
    await second.send({ topic, messages: [order("aborted-second")] });
    // The broker lists aborted transactions by where they ended; the stock filter takes the list as if by their start.
    const before = await end();
    await second.abort();
    // It was answered before its marker is written, and the other marker could pass it.
    const isWritten = async () => await end() > before ? true : undefined;
    assert(await waitFor(isWritten, { waitMsMax: 30_000 }), "the second abort's marker is written");
    await first.abort();
  } finally {
    await Promise.all([one.disconnect(), two.disconnect()]);
  }
}

function order(id: string) {
  const value = {
    ...{ event_id: crypto.randomUUID(), order_id: id, user_id: "user-aborted" },
    ...{ amount: "10.00", currency: "EUR", occurred_at: new Date().toISOString() },
  };
  return { key: id, value: JSON.stringify(value), partition: 0 };
}
