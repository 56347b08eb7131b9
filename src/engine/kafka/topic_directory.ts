/** Knows the topics that are written to: their partitions, and the largest batch that each takes. Asks when it must. */
import { getLogger } from "../packages/logtape.ts";
import { DependencyDownError } from "../core/errors.ts";
import { delay, doneWithin, unlessAborted, withinTime } from "../core/delay.ts";
import type { TimestampRange } from "../core/plan_target.ts";
import type { KafkaClient } from "./kafka_client.ts";
import type { TimestampDrift } from "./record_clock.ts";
import { errorInChain } from "./refused_request.ts";
import { describeTopics } from "./describe_topics.ts";
import { describeTopicSettings } from "./topic_settings.ts";

/** What was learned of topics. The answers are those of the last look, so that planning need not wait. */
export interface TopicDirectory extends AsyncDisposable {
  /** Partitions of a topic; undefined where there was no such topic. */
  partitionCount(topic: string): number | undefined;
  /** The largest record that the topic takes, bytes as `encodedBytes` counts them; undefined where it is not known. */
  recordBytesMax(topic: string): number | undefined;
  /**
   * The times that the topic takes now, milliseconds since the epoch; undefined where it takes all, or it is not known: its
   * broker judges by its own clock, so where that was not seen lately, it is asked by sending the record.
   */
  timestamps(topic: string): TimestampRange | undefined;
  /** Whether it is known to be compacted: then it takes no record without a key. */
  isCompacted(topic: string): boolean;
  /** False where the last look has found the partition without a leader. */
  hasLeader(topic: string, partition: number): boolean;
  /** What is known of these may hold no longer: the next look asks about them again. */
  doubt(topics: readonly string[]): void;
  /** Calls `tell` when a look finds another topic under a name: what was in the one before is gone. */
  onRecreated(tell: (topic: string) => void): Disposable;
  /** Looks up those of these that are unknown, missing or in doubt; all that are in doubt where absent. */
  lookUp(topics?: readonly string[]): Promise<void>;
  /**
   * A write to these topics failed: what is known of them may hold no longer. Names the topic in the error where it can.
   * Answers true where the next attempt will be another one, since a smaller limit was learned.
   */
  failed(error: unknown, topics: readonly string[]): Promise<boolean>;
}

/** What is known of one topic. */
interface Known {
  topicId?: string | undefined;
  partitions: number | undefined;
  leaderless: readonly number[];
  bytesMax: number | undefined;
  isCompacted?: boolean | undefined;
  /** How far a record's time may be behind and ahead of the broker's, milliseconds. */
  drift?: TimestampDrift | undefined;
  doubtful: boolean;
  /** When the limit was learned from a refusal, by the monotonic clock; such a one is forgotten in time. */
  learnedAt?: number;
}

/** A batch must be no larger than either of them. */
const limits = ["max.message.bytes", "segment.bytes"] as const;
/** Where the broker writes its own time, it looks at nobody else's. */
const times = [
  "message.timestamp.type",
  "message.timestamp.before.max.ms",
  "message.timestamp.after.max.ms",
] as const;
const cleanup = "cleanup.policy";
const tooLarge = new Set(["MESSAGE_TOO_LARGE", "RECORD_LIST_TOO_LARGE"]);
/** Kafka counts the batch's own header, too. */
const batchHeaderBytes = 61;
const noError = 0;
const unknownTopic = 3;
/** A look must not hold up a lane for longer than opening a session does. */
const lookUpMsMaxDefault = 5_000;
const disconnectMsMax = 500;
/** Somebody adds partitions to a topic: until all who write to it know that, a key may be in two of them. */
const ageMsMax = 30_000;
const log = getLogger(["onceflow", "kafka", "topics"]);
/** Where the limit may not be read, a larger one shows only when it is tried. */
const learnedMsMax = 30_000;

/** Knows nothing yet, and connects when it is first asked to look. From then on it looks again by itself every half minute. */
export function createTopicDirectory(
  client: KafkaClient,
  intervalMs = ageMsMax,
  lookUpMsMax = lookUpMsMaxDefault,
): TopicDirectory {
  const cluster = client.cluster();
  const known = new Map<string, Known>();
  const doubt = (topics: readonly string[]) => {
    for (const topic of topics) {
      const entry = known.get(topic);
      if (entry) entry.doubtful = true;
    }
  };
  const ended = new AbortController();
  // Of these the first partition alone is used, however many there are.
  const single = [client.names.lanes, client.names.parked, client.names.redriven];
  const listeners = new Set<(topic: string) => void>();
  const directory: TopicDirectory = {
    onRecreated(tell) {
      listeners.add(tell);
      return { [Symbol.dispose]: () => void listeners.delete(tell) };
    },
    doubt,
    partitionCount: (topic) => known.get(topic)?.partitions,
    recordBytesMax: (topic) => known.get(topic)?.bytesMax,
    timestamps(topic) {
      const drift = known.get(topic)?.drift;
      const now = client.recordClock.brokerNow();
      if (!drift || now === undefined) return undefined;
      return { msMin: now - drift.beforeMs, msMax: now + drift.aheadMs };
    },
    isCompacted: (topic) => known.get(topic)?.isCompacted ?? false,
    hasLeader: (topic, partition) => !known.get(topic)?.leaderless.includes(partition),
    async lookUp(topics) {
      const asked = [...topics ?? known.keys()].filter((topic) => {
        const entry = known.get(topic);
        return entry?.partitions === undefined || entry.doubtful;
      });
      if (asked.length === 0) return;
      const ask = async () => {
        // By itself: of two requests that a refused login meets, one would only hear that the connection was closed.
        if (!cluster.isConnected()) await cluster.connect();
        return await Promise.all([
          describeTopics(cluster, asked),
          describeTopicSettings(cluster, asked, [...limits, ...times, cleanup]),
        ]);
      };
      const [descriptions, settings] = await within(ask(), lookUpMsMax);
      const recreated: string[] = [];
      for (const { topic, topicId, errorCode, partitions, leaderless } of descriptions) {
        const entry = known.get(topic) ??
          { partitions: undefined, leaderless: [], bytesMax: undefined, doubtful: true };
        known.set(topic, entry);
        if (errorCode === noError) {
          const isOther = ![topicId, undefined].includes(entry.topicId);
          if (isOther && topicId !== undefined) recreated.push(topic);
          else if (!single.includes(topic)) sayGrown(topic, entry.partitions, partitions);
          Object.assign(entry, { topicId, partitions, leaderless, doubtful: false });
        } else if (errorCode === unknownTopic) entry.partitions = undefined;
        const own = settings.find((candidate) => candidate.topic === topic);
        if (own?.errorCode === noError) {
          entry.drift = driftIn(own.values);
          client.recordClock.learn(topic, entry.drift);
          entry.isCompacted = own.values.get(cleanup)?.split(",").includes("compact");
        }
        const bytes = limits.map((name) => Number(own?.values.get(name) ?? NaN)).filter((n) =>
          n > 0
        );
        if (bytes.length > 0) {
          Object.assign(entry, {
            bytesMax: Math.min(...bytes) - batchHeaderBytes,
            learnedAt: undefined,
          });
        } else if (performance.now() - (entry.learnedAt ?? Infinity) > learnedMsMax) {
          Object.assign(entry, { bytesMax: undefined, learnedAt: undefined });
        }
      }
      for (const topic of recreated) for (const tell of listeners) tell(topic);
    },
    async failed(error, topics) {
      doubt(topics);
      const refused = errorInChain(error, ({ type }) => type !== undefined);
      if (!refused) return false;
      if (tooLarge.has(refused.type ?? "")) return learn(refused);
      if (refused.apiName !== "Metadata" || refused.topic || topics.length < 2) return false;
      const described = await within(describeTopics(cluster, topics), lookUpMsMax).catch(() => []);
      const wrong = described.find(({ errorCode }) => errorCode !== noError);
      if (wrong) Object.assign(refused, { topic: wrong.topic });
      return false;
    },
    async [Symbol.asyncDispose]() {
      ended.abort();
      await lookingAgain;
      // A look that is under way would connect once more, and keep the program.
      const disconnected = look.then(() => cluster.disconnect());
      await doneWithin(disconnected, disconnectMsMax);
    },
  };
  let look = Promise.resolve();
  const lookingAgain = lookAgain();
  return directory;

  async function lookAgain(): Promise<void> {
    while (true) {
      await delay(intervalMs, ended.signal).catch(() => {});
      if (ended.signal.aborted) return;
      doubt([...known.keys()]);
      // That Kafka is away is said by others; what is in doubt is looked at before the next session, too.
      look = directory.lookUp().catch(() => {});
      await unlessAborted(look, ended.signal).catch(() => {});
    }
  }

  /** A batch of several records is cut in half the next time; a record alone is over the limit. */
  function learn({ topic, batch }: { topic?: string; batch?: { bytes: number; records: number } }) {
    const entry = topic === undefined ? undefined : known.get(topic);
    if (!entry || !batch) return false;
    const before = entry.bytesMax ?? Infinity;
    const now = batch.records > 1 ? Math.floor(batch.bytes / 2) : batch.bytes - 1;
    if (now >= before) return false;
    Object.assign(entry, { bytesMax: now, learnedAt: performance.now() });
    return true;
  }
}

function sayGrown(topic: string, before: number | undefined, now: number): void {
  if (before === undefined || now <= before) return;
  log.warn(
    "Topic {topic} has {now} partitions now, it had {before}: keys move to others of them, so what is written from now on may " +
      "be read before what lies in the old ones",
    { topic, before, now },
  );
}

/** Undefined where the topic takes any time, as before Kafka 3.6. */
function driftIn(settings: ReadonlyMap<string, string>): Known["drift"] {
  const [type, before, ahead] = times.map((name) => settings.get(name));
  if (type !== "CreateTime" || before === undefined || ahead === undefined) return undefined;
  return { beforeMs: Number(before), aheadMs: Number(ahead) };
}

/** @throws {DependencyDownError} when the answer takes longer */
function within<T>(answer: Promise<T>, lookUpMsMax: number): Promise<T> {
  return withinTime(answer, lookUpMsMax, () => {
    throw new DependencyDownError(
      "kafka",
      `Kafka did not describe its topics within ${lookUpMsMax} ms`,
    );
  });
}
