import { createRequire } from "node:module";
import "kafkajs"; // As a program would that uses it beside onceflow, and loads it first.
import type { OutputRecord } from "../../src/engine/core/record.ts";
import { transactionError, verdictOf } from "../../src/engine/kafka/error_verdict.ts";
import { createKafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { installPatches } from "../../src/engine/kafka/patches/install_patches.ts";
import {
  addressRecords,
  groupByPartition,
  sendOnce,
  splitByBytes,
} from "../../src/engine/kafka/patches/send_messages.ts";
import { whileConcurrent } from "../../src/engine/kafka/while_concurrent.ts";
import {
  assertVendorShape,
  brokerClass,
  brokerPoolClass,
  clusterClass,
  connectionClass,
  createErrorFromCode,
  type VendorBroker,
  type VendorCluster,
} from "../../src/engine/kafka/vendor.ts";
import { requestQueueClass } from "../../src/engine/kafka/vendor_request_queue.ts";
import type { VendorEosManager } from "../../src/engine/kafka/vendor_producer.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";

const nobody = { brokers: ["127.0.0.1:1"], clientId: "test", ssl: false };
const record = (partition: number, value: string): OutputRecord => ({
  topic: "t",
  partition,
  key: "k",
  value,
  headers: [],
});

Deno.test("the parts of kafkajs are those that the patches were made for", () => {
  assertVendorShape();
  installPatches();
});

Deno.test("row 13: InitProducerId and TxnOffsetCommit are retried after milliseconds", () => {
  installPatches();
  const { retry } = clusterClass().prototype as { retry?: { initialRetryTime: number } };
  assert(retry && retry.initialRetryTime <= 20);
});

Deno.test("row 15: no timer runs on a connection where nothing waits", () => {
  installPatches();
  const timers: number[] = [];
  const queue = {
    pending: [],
    throttledUntil: -1,
    throttleCheckTimeoutId: null,
    checkPendingRequests: () => void timers.push(1),
  };
  requestQueueClass().prototype.scheduleCheckPendingRequests.call(queue);
  assertEquals(queue.throttleCheckTimeoutId, null);
});

Deno.test("a broker whose socket is open is not connected before its versions are known", async () => {
  installPatches();
  const asked = Promise.withResolvers<void>();
  const versions = Promise.withResolvers<unknown>();
  const connection = {
    getSupportAuthenticationProtocol: () => true,
    authenticate: () => Promise.resolve(),
  };
  const connectionPool = {
    ...{ host: "kafka", port: 9092, connectionTimeout: 1_000 },
    isConnected: () => true,
    getConnection: () => Promise.resolve(connection),
    setVersions: () => {},
    send() {
      asked.resolve();
      return versions.promise;
    },
  };
  const logger = { namespace: () => logger };
  const broker = new (brokerClass())({ connectionPool, logger });
  const connecting = broker.connect();
  await asked.promise;
  assert(!broker.isConnected(), "while the versions are asked for");
  versions.resolve({ apiVersions: [] });
  await connecting;
  assert(broker.isConnected(), "once they are known");
});

Deno.test("two that want a connection wait for one attempt, and the next one is another", async () => {
  installPatches();
  const Connection = connectionClass() as unknown as new (options: object) => {
    connect(): Promise<unknown>;
  };
  const failures: ((error: Error) => void)[] = [];
  const connection = new Connection({
    ...{ host: "h", port: 1, logger: createKafkaClient(nobody).logger, connectionTimeout: 5_000 },
    socketFactory: () => ({
      on: (event: string, fail: (error: Error) => void) => event === "error" && failures.push(fail),
      ...{ end() {}, unref() {} },
    }),
  });
  for (let attempt = 1; attempt <= 2; attempt++) {
    const both = Promise.allSettled([connection.connect(), connection.connect()]);
    assertEquals(failures.length, attempt);
    failures.at(-1)?.(new Error("refused"));
    assertEquals((await both).map(({ status }) => status), ["rejected", "rejected"]);
  }
});

Deno.test("whose attempt at a broker has failed does not close the next one's", async () => {
  installPatches();
  const { connectBroker } = brokerPoolClass().prototype;
  let turn: Promise<unknown> = Promise.resolve();
  let opening: ((error: Error) => void) | undefined;
  let attempts = 0;
  // One after the other, as kafkajs's lock lets them; the broker is back after the first attempt.
  const connect = () => {
    const mine = turn.then(() =>
      new Promise<void>((resolve, reject) => {
        opening = reject;
        setTimeout(() => ++attempts === 1 ? reject(refused()) : resolve(), 1);
      })
    );
    turn = mine.catch(() => {});
    return mine;
  };
  const refused = () => Object.assign(new Error("refused"), { name: "KafkaJSConnectionError" });
  const broker = {
    ...{ isConnected: () => false, connect },
    disconnect: async () => void await Promise.resolve(opening?.(refused())),
  } as unknown as VendorBroker;
  const pool = {
    retrier: (work: (bail: (error: Error) => never) => unknown) =>
      work((error) => {
        throw error;
      }),
  };
  const ask = () => connectBroker.call(pool as never, broker);
  const first = await Promise.allSettled([ask(), ask(), ask()]);
  assertEquals(first.map(({ status }) => status), ["rejected", "rejected", "rejected"]);
  assertEquals(attempts, 1);
  await Promise.all([ask(), ask()]);
  assertEquals(attempts, 2);
});

Deno.test("metadata is read although a partition has no leader, and not where a topic is refused", async () => {
  installPatches();
  const place = (partitionErrorCode: number, leader: number) => ({ partitionErrorCode, leader });
  const ask = (topicErrorCode: number) => {
    const partitionMetadata = [place(0, 1), place(5, -1)];
    const answer = { brokers: [], topicMetadata: [{ topicErrorCode, partitionMetadata }] };
    const Broker = brokerClass() as unknown as new (options: object) => {
      lookupRequest: unknown;
      metadata(topics: string[]): Promise<typeof answer>;
    };
    const broker = new Broker({
      logger: createKafkaClient(nobody).logger,
      connectionPool: {
        send: ({ response }: { response: { parse(data: unknown): unknown } }) =>
          response.parse(answer),
      },
    });
    broker.lookupRequest = (
      _api: number,
      { protocol }: { protocol: (of: { version: number }) => unknown },
    ) => protocol({ version: 6 });
    return broker.metadata(["t"]);
  };
  const [topic] = (await ask(0)).topicMetadata;
  assertEquals(topic?.partitionMetadata.map(({ leader }) => leader), [1, -1]);
  await assertRejects(() => ask(29), Error, "Not authorized");
});

Deno.test("row 16: batches stay under the limit, and keep the order", () => {
  const records = Array.from({ length: 10 }, (_, i) => record(0, `${i}`.repeat(300)));
  const parts = splitByBytes(records, 1_000);
  assertEquals(parts.flat(), records);
  assert(parts.length >= 4);
  assert(parts.every((part) => part.length <= 2));
});

Deno.test("records are grouped by partition in linear time, in their order", () => {
  const records = Array.from({ length: 200_000 }, (_, i) => record(i % 3, String(i)));
  const groups = groupByPartition(records);
  assertEquals(groups.map(({ partition }) => partition), [0, 1, 2]);
  assertEquals(groups[1]?.records.slice(0, 2).map(({ value }) => value), ["1", "4"]);
});

Deno.test("row 3: a batch that was refused is not sent again", async () => {
  let produced = 0;
  const cluster = {
    addMultipleTargetTopics: () => Promise.resolve(),
    refreshMetadataIfNecessary: () => Promise.resolve(),
    findTopicPartitionMetadata: () => [{ partitionId: 0, leader: 1 }],
    findBroker: () =>
      Promise.resolve({
        connectionPool: {
          send: () => {
            produced++;
            return Promise.reject(createErrorFromCode()(6)); // NOT_LEADER_FOR_PARTITION
          },
        },
      }),
  } as unknown as VendorCluster;
  const eosManager = {
    isTransactional: () => true,
    addPartitionsToTransaction: () => Promise.resolve(),
    getSequence: () => 0,
    updateSequence: () => {},
  } as unknown as VendorEosManager;
  const records = [record(0, "a")];
  await assertRejects(() => sendOnce({ cluster, eosManager }, records), TypeError, "not addressed");
  assertEquals(produced, 0);
  await addressRecords(cluster, records);
  await assertRejects(() => sendOnce({ cluster, eosManager }, records), Error, "not the leader");
  assertEquals(produced, 1);
});

Deno.test("row 14: a step that is refused as concurrent is taken again, and no other one", async () => {
  for (const [code, wanted] of [[51, 4], [48, 1]] as const) { // CONCURRENT_TRANSACTIONS, INVALID_TXN_STATE
    let taken = 0;
    const step = () =>
      ++taken < 4 ? Promise.reject(createErrorFromCode()(code)) : Promise.resolve("done");
    const outcome = await whileConcurrent(step).catch(() => "refused");
    assertEquals([outcome, taken], [code === 51 ? "done" : "refused", wanted]);
  }
});

Deno.test("row 22: a fence and a duplicate sequence have their verdicts although kafkajs has no name for them", () => {
  assertEquals(verdictOf(createErrorFromCode()(90)), "migrated"); // PRODUCER_FENCED
  assertEquals(verdictOf(createErrorFromCode()(47)), "migrated"); // INVALID_PRODUCER_EPOCH
  assertEquals(verdictOf(createErrorFromCode()(46)), "unknown"); // DUPLICATE_SEQUENCE_NUMBER
  assertEquals(verdictOf(createErrorFromCode()(10)), "rejected"); // MESSAGE_TOO_LARGE
  assertEquals(verdictOf(createErrorFromCode()(53)), "blocked"); // TRANSACTIONAL_ID_AUTHORIZATION_FAILED
  assertEquals(verdictOf(createErrorFromCode()(50)), "fatal"); // INVALID_TRANSACTION_TIMEOUT
  assertEquals(verdictOf(new Error("socket hang up")), "unknown");
});

Deno.test("a login that is refused while work goes on names the settings", () => {
  const login = Object.assign(new Error("no"), { name: "KafkaJSSASLAuthenticationError" });
  const { message, verdict } = transactionError("Cannot commit", login);
  assertEquals(verdict, "unknown");
  assertStringIncludes(message, "check KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD");
});

Deno.test("kafkajs as the program itself uses it is neither changed nor in the way", () => {
  installPatches();
  const require = createRequire(import.meta.url);
  const theirs = require("kafkajs/src/cluster/index.js");
  assert(!("retry" in theirs.prototype), "theirs is as it was");
  assert("retry" in clusterClass().prototype, "ours is patched");
  const sendMessages = require("kafkajs/src/producer/sendMessages.js");
  assertEquals(
    require.cache[require.resolve("kafkajs/src/producer/sendMessages.js")]?.exports,
    sendMessages,
  );
  assert(
    sendMessages.toString().includes("createTopicData"),
    "its own, which partitions by itself",
  );
});
