/** The foreign project's own test: its flow on a real Kafka, beside a kafkajs of its own that onceflow must leave alone. */
import { defineFlow, PoisonError, run, topic } from "@onceflow/onceflow";
import { testFlow } from "@onceflow/onceflow/testing";
import { Kafka, logLevel, Partitioners } from "kafkajs";
import { z } from "zod";

const brokers = (Deno.env.get("KAFKA_BROKERS") ?? "").split(",");
const settings = { brokers, clientId: "foreign", ssl: false };
const unique = crypto.randomUUID().slice(0, 8);
const parcel = z.object({ parcel_id: z.string(), items: z.int() });
const label = z.object({ parcel_id: z.string(), weight_g: z.int() });

Deno.test("a flow turns parcels into labels, each once", async () => {
  const parcels = topic(`parcels-${unique}`, { read: parcel, key: (event) => event.parcel_id });
  const labels = topic(`labels-${unique}`, { read: label, key: (event) => event.parcel_id });
  const labelling = defineFlow({
    name: `labelling-${unique}`,
    from: parcels,
    to: [labels],
    transform({ parcel_id, items }) {
      if (items === 0) throw new PoisonError("an empty parcel cannot be sent");
      return labels.event({ parcel_id, weight_g: items * 250 });
    },
  });
  // Without the broker first, in a moment.
  await testFlow(labelling)
    .given({ parcel_id: "a", items: 1 }, { parcel_id: "b", items: 0 })
    .expect(labels, [{ parcel_id: "a", weight_g: 250 }])
    .expectDeadLetters([{ errorClass: "PoisonError", key: "b" }])
    .expectNothingElse();

  const stop = new AbortController();
  const seen: unknown[] = [];
  const printing = defineFlow({
    name: `printing-${unique}`,
    from: labels,
    to: [],
    transform(event) {
      seen.push(event);
      if (seen.length === 2) stop.abort();
    },
  });

  const kafka = new Kafka({ brokers, clientId: "its-own", logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  // Its own wait gives up where a broker has not heard of the topics yet; its producer tries again.
  await admin.createTopics({
    waitForLeaders: false,
    topics: [parcels, labels].map(({ name }) => ({ topic: name, numPartitions: 1 })),
  });
  await admin.disconnect();
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  await producer.send({
    topic: parcels.name,
    messages: [["a", 1], ["b", 0], ["c", 3]].map(([parcel_id, items]) => ({
      key: String(parcel_id),
      value: JSON.stringify({ parcel_id, items }),
    })),
  });
  await producer.disconnect();

  const tooLong = setTimeout(() => stop.abort(), 60_000);
  await Promise.all([
    run(settings, labelling, stop.signal),
    run(settings, printing, stop.signal),
  ]);
  clearTimeout(tooLong);
  const expected = [{ parcel_id: "a", weight_g: 250 }, { parcel_id: "c", weight_g: 750 }];
  if (JSON.stringify(seen) !== JSON.stringify(expected)) {
    throw new Error(`expected ${JSON.stringify(expected)}, got ${JSON.stringify(seen)}`);
  }
});
