/** Runs the demonstration: all roles in this process, orders over real HTTP, and the books at the end. */
import type { Config } from "../../config.ts";
import { delay } from "../../engine/core/delay.ts";
import { brokenRecords, injectFailures, orderMix } from "./order_mix.ts";
import { postOrders } from "./post_orders.ts";
import { openPlainProducer } from "../../engine/kafka/plain_producer.ts";
import { untilAnswered } from "../../engine/kafka/until_answered.ts";
import type { ConservationReport } from "../verify/check_conservation.ts";
import { checkBooks } from "../books.ts";
import { resolveServices } from "../resolve_services.ts";
import { keepStackUp } from "./keep_stack_up.ts";
import { countSettled, untilSettled } from "./until_settled.ts";
import { createObservability, workerObservers } from "../../app/compose/observability.ts";
import { placingToken } from "../../app/compose/open_door.ts";
import { openRuntime, type Runtime } from "../../app/compose/open_runtime.ts";
import { startHttp } from "../../app/compose/run_serve.ts";
import { runWorker } from "../../app/compose/run_worker.ts";
import { roles } from "../../app/compose/roles.ts";

/** What the demo is asked for. */
export interface DemoOptions {
  readonly orders: number;
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
  /** Called as orders move along. */
  readonly onCount: (counts: DemoCounts) => void;
  /** Called with the books, while everything still runs; the demo ends when it resolves. */
  readonly onBooks: (outcome: DemoOutcome) => Promise<void>;
}

/** How far the orders of this run have come. */
export interface DemoCounts {
  readonly placed: number;
  /** Invoiced or dead-lettered, as the read model shows it. */
  readonly settled: number;
}

/** What the demo did, and what the checker says of all that is on the topics. */
export interface DemoOutcome {
  readonly run: string;
  /** Orders that were answered 202. */
  readonly accepted: number;
  /** Broken records that went straight to the topic. */
  readonly broken: number;
  readonly url: string;
  readonly kafka_brokers: readonly string[];
  readonly books: ConservationReport;
  readonly seconds: number;
}

const concurrencyMax = 32;
const booksAttemptsMax = 3;
const booksRetryMs = 5_000;

/** Runs the demonstration to its end, or until the signal fires. */
export async function runDemo(config: Config, options: DemoOptions): Promise<void> {
  const startedAt = performance.now();
  const run = Date.now().toString(36);
  const orders = orderMix(run, options.orders);
  const observability = createObservability();
  const finished = new AbortController();
  const stop = AbortSignal.any([options.signal, finished.signal]);
  await using keeper = stackKeeper(config, options.onProgress, stop);
  using _finished = { [Symbol.dispose]: () => finished.abort() };
  await using runtime = await openRuntime(config, {
    applicationName: "onceflow demo",
    findServices: () => keeper.findServices(),
    connectionsMax: 20,
    // What is ours is started again when it is killed meanwhile; what is not ours must be there.
    ...(config.KAFKA_BROKERS === undefined && { health: observability.health, signal: stop }),
  });
  await using http = startHttp(runtime, observability);
  const url = `http://${http.host}:${http.port}`;
  const halted = Promise.withResolvers<never>();
  const worker = runWorker(runtime, {
    roles,
    health: observability.health,
    onHalt: (_role, error) => halted.reject(error),
    guarantee: config.GUARANTEE,
    beforeTry: injectFailures(orders),
    observers: workerObservers(observability),
  }, stop);
  const story = async () => {
    options.onProgress(`placing ${orders.length} orders at ${url}`);
    let placed = 0;
    const counting = countSettled(
      runtime.database.sql,
      run,
      stop,
      (settled) => options.onCount({ placed, settled }),
    );
    const broken = brokenRecords(orders.length);
    const [accepted] = await Promise.all([
      postOrders(orders, {
        url,
        apiToken: placingToken(config),
        concurrencyMax,
        signal: stop,
        onAccepted: (count) => placed = count,
      }),
      sendBroken(runtime, run, broken, stop),
    ]);
    await untilSettled(runtime, counting, accepted, stop);
    options.onProgress("checking the books with an independent reader");
    const books = await readBooks(config, runtime, stop);
    const seconds = (performance.now() - startedAt) / 1000;
    const kafka_brokers = runtime.services.kafka.brokers;
    await options.onBooks({ run, accepted, broken, url, kafka_brokers, books, seconds });
  };
  try {
    // A worker that halts ends the story: there is nothing to wait for any more.
    await Promise.race([story(), halted.promise]);
  } finally {
    finished.abort();
    await worker;
  }
}

/** Finds or starts the services, and keeps them up from then on, while the rest is still being opened. */
function stackKeeper(config: Config, onProgress: (line: string) => void, stop: AbortSignal) {
  let keeping: Promise<void> | undefined;
  return {
    async findServices() {
      const services = await resolveServices(config, "start", { onProgress, signal: stop });
      keeping = keepStackUp(config, services, onProgress, stop);
      return services;
    },
    [Symbol.asyncDispose]: async () => await keeping,
  };
}

/** Reads them again where a service was killed meanwhile. */
async function readBooks(
  config: Config,
  { services }: Runtime,
  signal: AbortSignal,
): Promise<ConservationReport> {
  for (let attempt = 1;; attempt++) {
    try {
      return await checkBooks(config, services, { drained: true, signal });
    } catch (error) {
      if (signal.aborted || attempt === booksAttemptsMax) throw error;
      await delay(booksRetryMs, signal);
    }
  }
}

/** Bytes that are no JSON, straight to the topic, as a broken producer would send them. */
async function sendBroken(
  { client, config, partitions }: Runtime,
  run: string,
  count: number,
  signal: AbortSignal,
): Promise<void> {
  const topic = config.ORDERS_TOPIC;
  const records = Array.from({ length: count }, (_, index) => ({
    topic,
    partition: index % (partitions.get(topic) ?? 1),
    key: new TextEncoder().encode(`demo-${run}-broken-${index}`),
    value: Uint8Array.of(0xff, 0xfe, 0x00, index % 256, 0x7b),
    headers: [],
  }));
  // Some of them may arrive twice where a leader moved meanwhile: each becomes a dead letter.
  await untilAnswered("write the broken records", async () => {
    await using producer = await openPlainProducer(client);
    await producer.send(records);
  }, { signal });
}
