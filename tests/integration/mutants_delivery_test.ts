import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { openFeedReader, openStockReader } from "../support/mutants/mutated_readers.ts";
import { randomlyNamed } from "../support/mutants/mutated_transactions.ts";
import { believingLog, believingOffsets } from "../support/mutants/believing_offsets.ts";
import { reusingDelivery } from "../support/mutants/reusing_delivery.ts";
import { openTestReader, Pipeline } from "../support/mutants/pipeline.ts";
import { writeOverlappingAborts } from "../support/mutants/overlapping_aborts.ts";
import { atLeastOnce, atMostOnce, exactlyOnce } from "../../src/engine/core/delivery.ts";
import { HaltError } from "../../src/engine/core/errors.ts";
import { formatOrigin } from "../../src/engine/core/offset_metadata.ts";
import { TransactionError, type Transactions } from "../../src/engine/core/ports.ts";
import { formatMark, type LogMark } from "../../src/engine/kafka/log_mark.ts";
import { openPartitionReader } from "../../src/engine/kafka/open_partition_reader.ts";
import { openPlainProducer } from "../../src/engine/kafka/plain_producer.ts";
import { inTime } from "../support/in_time.ts";
import { services } from "../support/services.ts";

const died = () => new TransactionError("unknown", "the process died here");

/** Committed offsets that say nothing of the orders that lie below them, and what an engine forgets that believes them. */
const misleading: readonly {
  readonly what: string;
  readonly metadata: (topicId: string | undefined) => string | undefined;
  readonly halt: string;
  readonly believing: "the offset" | "the log";
}[] = [
  {
    what: "that another consumer or a tool has committed",
    metadata: () => undefined,
    halt: "stands at offset 5, and no worker of onceflow",
    believing: "the offset",
  },
  {
    what: "of a topic of this name that was deleted",
    metadata: () => formatOrigin({ topicId: "0".repeat(32) }),
    halt: "it was deleted and recreated",
    believing: "the offset",
  },
  {
    what: "of a log that was replaced",
    metadata: (topicId) => formatOrigin({ topicId, mark: formatMark(anotherBatch) }),
    halt: "this is not the log that group",
    believing: "the log",
  },
];

/** Below offset 5, as no relay has written it here. */
const anotherBatch: LogMark = {
  ...{ leaderEpoch: 0, baseOffset: 0, lastOffset: 4, recordCount: 5 },
  ...{ producerId: 4711n, producerEpoch: 0, baseSequence: 0, maxTimestamp: 0 },
};

Deno.test("the checker finds the mistakes that a flow can make", async (test) => {
  await using reader = await openTestReader();
  const published = async (count: number) => {
    const pipeline = await Pipeline.open(reader);
    await pipeline.place(count);
    await pipeline.relay();
    return pipeline;
  };

  await test.step("at-least-once doubles what was written before its offset", async () => {
    await using pipeline = await published(15);
    let commits = 0;
    await pipeline.invoice({
      delivery: atLeastOnce(() => openPlainProducer(pipeline.client)),
      commitOffset: (offset, metadata) =>
        ++commits === 1 ? Promise.reject(died()) : pipeline.commitOffset(offset, metadata),
    });
    assertEquals(await pipeline.findings(), ["doubled"]);
  });

  await test.step("at-most-once loses what was not written after its offset", async () => {
    await using pipeline = await published(15);
    let sends = 0;
    await pipeline.invoice({
      delivery: atMostOnce(async () => {
        const producer = await openPlainProducer(pipeline.client);
        return {
          send: (records) => ++sends === 1 ? Promise.reject(died()) : producer.send(records),
          [Symbol.asyncDispose]: () => producer[Symbol.asyncDispose](),
        };
      }),
    });
    const found = await pipeline.findings();
    assert(found.includes("lost"), `found ${found}`);
  });

  for (const step of ["before-offsets", "before-send", "before-end-txn", "after-commit"] as const) {
    await test.step(`exactly-once survives a death at ${step}`, async () => {
      await using pipeline = await published(15);
      let reached = 0;
      const transactions = pipeline.transactions({
        onStep: (at) => {
          if (at === step && ++reached === 1) throw died();
        },
      });
      await pipeline.invoice({ delivery: exactlyOnce(pipeline.committer(transactions)) });
      assertEquals({ reached: reached > 0, found: await pipeline.findings() }, {
        reached: true,
        found: [],
      });
    });
  }

  for (const { what, metadata, halt, believing } of misleading) {
    await test.step(`an offset ${what} is refused, and loses where it is believed`, async () => {
      await using pipeline = await published(8);
      const { ordersTopic: topic } = pipeline.names;
      await using reader = await openPartitionReader(pipeline.client, { topic, partition: 0 }, 0);
      const topicId = await reader.topicId?.();
      // Five orders were never looked at.
      await pipeline.commitOffset(5, metadata(topicId));
      const delivery = () => exactlyOnce(pipeline.committer(pipeline.transactions()));
      await assertRejects(() => pipeline.invoice({ delivery: delivery() }), HaltError, halt);
      await pipeline.invoice(
        believing === "the log"
          ? { delivery: delivery(), reader: believingLog(reader) }
          : { delivery: believingOffsets(delivery()) },
      );
      const found = await pipeline.findings();
      assert(found.includes("lost"), `found ${found}`);
    });
  }

  for (const mutated of [true, false]) {
    const whose = mutated ? "a random transactional id" : "the partition's own transactional id";
    await test.step(`${whose}, and a worker that wakes up after it was replaced`, async () => {
      await using pipeline = await published(8);
      const asleep = Promise.withResolvers<void>();
      const wake = Promise.withResolvers<void>();
      const slept = pipeline.transactions({
        async onStep(at) {
          if (at !== "before-offsets") return;
          asleep.resolve();
          await wake.promise;
        },
      });
      const make = (transactions: Transactions) =>
        exactlyOnce(pipeline.committer(mutated ? randomlyNamed(transactions) : transactions));
      const over = Promise.withResolvers<void>();
      // Given a worker that has planned its batch and sleeps, and another one that took over.
      const sleeper = pipeline.invoice({
        ...{ delivery: make(slept), until: over.promise },
        stillOwned: () => {
          over.resolve();
          return Promise.resolve(false);
        },
      });
      await inTime(asleep.promise, "the first worker is asleep");
      await pipeline.invoice({ delivery: make(pipeline.transactions()) });
      // When the first one wakes up.
      wake.resolve();
      if (mutated) await pipeline.written(pipeline.names.invoicesTopic, 16);
      else await inTime(over.promise, "the first worker is refused");
      over.resolve();
      await sleeper;
      // Then its batch counts a second time, or is refused.
      assertEquals(await pipeline.findings(), mutated ? ["doubled"] : []);
    });

    await test.step(`a seek ${mutated ? "without" : "with"} the position guard`, async () => {
      await using pipeline = await published(15);
      let seeks = 0;
      let steps = 0;
      const again = Promise.withResolvers<void>();
      const waitsAtTheEnd = Promise.withResolvers<void>();
      const end = await pipeline.endOfOrders();
      const transactions = pipeline.transactions({
        onStep: async (at) => {
          // Given a lane whose second commit fails while a fetch from the end of the log is under way.
          if (at !== "before-offsets" || ++steps !== 2) return;
          await waitsAtTheEnd.promise;
          throw died();
        },
      });
      const feed = await openFeedReader(
        pipeline.client,
        pipeline.names.ordersTopic,
        !mutated,
        {
          onSeek: () => ++seeks === 2 && again.resolve(),
          onFetch: (offset) => offset >= end && waitsAtTheEnd.resolve(),
        },
      );
      const invoicing = pipeline.invoice({
        delivery: exactlyOnce(pipeline.committer(transactions)),
        reader: feed,
      });
      await inTime(again.promise, "the lane goes back");
      // When records come just after it went back.
      await pipeline.place(3);
      await pipeline.relay();
      await invoicing;
      // Then the answer to the old fetch is taken for what is wanted now, or dropped.
      const found = await pipeline.findings();
      if (mutated) assert(found.includes("lost"), `found ${found}`);
      else assertEquals(found, []);
    });

    await test.step(
      `${mutated ? "the stock filter" : "our filter"} on overlapping aborted transactions`,
      async () => {
        await using pipeline = await published(1);
        const { ordersTopic: topic } = pipeline.names;
        const { kafkaBrokers } = await services();
        await writeOverlappingAborts(kafkaBrokers, topic, () => pipeline.endOfOrders());
        await pipeline.place(1);
        await pipeline.relay();
        await using ours = await openPartitionReader(pipeline.client, { topic, partition: 0 }, 0);
        const range = () => ours.range();
        await pipeline.invoice({
          delivery: exactlyOnce(pipeline.committer(pipeline.transactions())),
          ...(mutated && { reader: await openStockReader(kafkaBrokers, topic, range) }),
          until: pipeline.written(pipeline.names.invoicesTopic, mutated ? 3 : 2),
        });
        const found = await pipeline.findings();
        if (mutated) assert(found.includes("visible_abort"), `found ${found}`);
        else assertEquals(found, []);
      },
    );
  }

  await test.step("abort() and reuse after a produce answer that was lost", async () => {
    await using pipeline = await published(8);
    const { kafkaBrokers } = await services();
    await using delivery = reusingDelivery(kafkaBrokers, pipeline);
    await pipeline.invoice({ delivery: delivery.delivery });
    const found = await pipeline.findings();
    assert(found.includes("lost"), `found ${found}`);
  });
});
