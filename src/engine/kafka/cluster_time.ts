/** What time it is by Kafka, for whoever judges by age: this host's clock may be hours off. Asks, and writes nothing. */
import { getLogger } from "../packages/logtape.ts";
import { delay, doneWithin, withinTime } from "../core/delay.ts";
import { anyBroker } from "./describe_topics.ts";
import { protocolErrorType } from "./error_verdict.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { fetchControllerTime } from "./quorum_clock.ts";
import type { RecordClock } from "./record_clock.ts";

/** A time, and how far it can be relied on. */
export interface ClusterTime {
  /** Milliseconds since the epoch. */
  readonly ms: number;
  /** Why it is this host's: Kafka has not told its own. */
  readonly untold?: string;
}

/** A broker passes the question on to the controller, and waits for it where there is none. */
const answerMsMax = 2_000;
const disconnectMsMax = 500;
const askAgainMs = 60_000;
const log = getLogger(["onceflow", "kafka", "clock"]);
/** When a client was not told, by the monotonic clock, and why. */
const refusals = new WeakMap<RecordClock, { readonly atMs: number; readonly reason: string }>();

/**
 * The cluster's time, asked for where nothing is known of it; this host's where the cluster does not tell: it is older than
 * Kafka 3.3, has no controller now, or the client may not DESCRIBE the cluster. Never rejects; takes 2.5 s at the most.
 */
export async function askClusterTime(client: KafkaClient): Promise<ClusterTime> {
  const { recordClock: clock } = client;
  const refused = refusals.get(clock);
  const isDue = !refused || performance.now() - refused.atMs > askAgainMs;
  if (!clock.knowsCluster && isDue) await ask(client);
  const untold = clock.knowsCluster ? undefined : refusals.get(clock)?.reason;
  return { ms: clock.clusterNow(), ...(untold !== undefined && { untold }) };
}

/** Asks now, and every minute until it is disposed of. */
export async function watchClusterTime(client: KafkaClient): Promise<AsyncDisposable> {
  const ended = new AbortController();
  await ask(client);
  const watching = watch();
  return {
    async [Symbol.asyncDispose]() {
      ended.abort();
      await watching;
    },
  };

  async function watch(): Promise<void> {
    while (true) {
      await delay(askAgainMs, ended.signal).catch(() => {});
      if (ended.signal.aborted) return;
      await ask(client);
    }
  }
}

/** Over a connection of its own: a broker that waits for the controller answers nothing else on it. */
async function ask(client: KafkaClient): Promise<void> {
  const { recordClock: clock } = client;
  const cluster = client.cluster({ requestTimeoutMs: answerMsMax, retries: 0 });
  const question = anyBroker(cluster).then(fetchControllerTime);
  try {
    const ms = await withinTime(question, answerMsMax, () => {
      throw new Error(`no answer within ${answerMsMax} ms`);
    });
    if (ms === undefined) throw new Error("its controller does not say");
    clock.told(ms);
    refusals.delete(clock);
  } catch (error) {
    const reason = protocolErrorType(error) ??
      (error instanceof Error ? error.message : String(error));
    if (refusals.get(clock)?.reason !== reason && !clock.knowsCluster) {
      log.info("Kafka has not told its time ({reason}): ages are judged by this host's clock", {
        reason,
      });
    }
    refusals.set(clock, { atMs: performance.now(), reason });
  } finally {
    // Most often there is nothing left to wait for; a connection that hangs ends with the client.
    const disconnected = question.catch(() => {}).then(() => cluster.disconnect());
    await doneWithin(disconnected, disconnectMsMax).catch(() => {});
  }
}
