/** Runs the independent reader (Kafka's Java client) and speaks with it. Reads only; joins no group. */
import { clientProperties, javaOptions, type LogReaderConnection } from "./client_properties.ts";
import { compileReader, type ReaderTools, UnreachableError } from "./compile_reader.ts";
import { Conversation } from "./reader_conversation.ts";
import type { LogRecord } from "./reader_frames.ts";

/** A transaction that holds the last stable offset back. */
export interface OpenTransaction {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly transactionalId: string | null;
  readonly startOffset: number;
  /** Milliseconds since the epoch; when this producer last wrote here. */
  readonly lastTimestamp: number;
}

/** Where one partition starts and ends. */
export interface PartitionEnds {
  readonly partition: number;
  readonly start: number;
  readonly highWatermark: number;
  readonly lastStable: number;
  readonly openTransactions: readonly OpenTransaction[];
}

/** A topic that exists. */
export interface TopicEnds {
  readonly topic: string;
  readonly topicId: string;
  readonly partitions: readonly PartitionEnds[];
}

/** A group's committed offset. */
export interface GroupOffset {
  readonly topic: string;
  readonly partition: number;
  /** -1 where nothing was committed, but a transaction that would commit one is open. */
  readonly offset: number;
  /** False where a transaction that has an offset pending outlasted the wait. */
  readonly stable: boolean;
  readonly metadata: string;
}

/** A range of one partition. */
export interface ReadRange {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  /** Records from here on are pending unless they are committed: the last stable offset. */
  readonly stable: number;
  readonly to: number;
  /** Only records of this key. */
  readonly key?: Uint8Array;
}

/** What a read saw. `start` is the log's start after the read: what lay below it may have expired meanwhile. */
export interface ReadSummary {
  readonly partition: number;
  readonly start: number;
  readonly committed: number;
  readonly aborted: number;
  readonly pending: number;
  readonly contradicted: number;
}

/** The independent reader, one command at a time. */
export interface LogReader extends AsyncDisposable {
  /** Ends of the topics that exist; waits up to `waitMs` for the last stable offset to reach the watermark taken at the call. */
  ends(topics: readonly string[], waitMs: number): Promise<readonly TopicEnds[]>;
  /** Committed offsets of a group on these topics, waiting up to `waitMs` for pending transactions (KIP-447). */
  offsets(
    groupId: string,
    topics: readonly string[],
    waitMs?: number,
  ): Promise<readonly GroupOffset[]>;
  /** Header names to leave out of the digests; a trailing `*` is a prefix. */
  omitHeaders(names: readonly string[]): Promise<void>;
  /** The partition that Kafka's own partitioner gives to a key. */
  partitionOf(key: Uint8Array, partitionCount: number): Promise<number>;
  /** Hands every record of the range to `onRecord`, in offset order, with its state. */
  read(range: ReadRange, onRecord: (record: LogRecord) => void): Promise<ReadSummary>;
}

/** The bounds of a reader. */
export interface LogReaderLimits {
  /** How long to try to reach the cluster before saying that it cannot be reached. */
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly heapMiB: number;
}

/** Half a minute to connect (a starved laptop needs it), a minute for a broker that is slow to answer, and a heap that holds two records
 * of 64 MiB with the client's copies; what is larger is passed over. */
export const logReaderLimits: LogReaderLimits = {
  connectTimeoutMs: 30_000,
  requestTimeoutMs: 60_000,
  heapMiB: 384,
};

/**
 * Starts the independent reader.
 *
 * @throws {UnreachableError} when Java is missing or the cluster does not answer
 */
export async function openLogReader(
  connection: LogReaderConnection,
  tools: ReaderTools,
  signal: AbortSignal,
  limits: LogReaderLimits = logReaderLimits,
): Promise<LogReader> {
  const classPath = await compileReader(tools, signal);
  const program = tools.java ?? "java";
  const args = [
    `-Xmx${limits.heapMiB}m`,
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=4",
    ...javaOptions(connection),
  ];
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args: [...args, "-cp", classPath, "LogReader"],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
      signal,
    }).spawn();
  } catch (error) {
    throw new UnreachableError(
      `Cannot start the independent log reader: ${program} did not start. Install Java 17 or later and run this again.`,
      { cause: error },
    );
  }
  const conversation = new Conversation(child, signal);
  const reader = logReader(conversation);
  try {
    await conversation.write(clientProperties(connection, limits.requestTimeoutMs) + "\n");
    await conversation.ask(["hello", limits.connectTimeoutMs], () => {});
    return reader;
  } catch (error) {
    await conversation.close();
    if (signal.aborted) throw signal.reason;
    throw new UnreachableError(
      `Cannot reach Kafka at ${
        connection.brokers.join(", ")
      }: check KAFKA_BROKERS and the KAFKA_SSL and KAFKA_SASL_ settings, ` +
        "or start the embedded stack with `deno task stack`",
      { cause: error },
    );
  }
}

function logReader(conversation: Conversation): LogReader {
  const nothing = () => {
    throw new Error("The log reader sent a record where none was asked for");
  };
  return {
    async ends(topics, waitMs) {
      if (topics.length === 0) return [];
      const answer = await conversation.ask(["ends", waitMs, ...topics], nothing);
      return (answer as { topics: TopicEnds[] }).topics;
    },
    async offsets(groupId, topics, waitMs = 30_000) {
      const words = ["offsets", waitMs, groupId, ...topics];
      const answer = await conversation.ask(words, nothing);
      return (answer as { offsets: GroupOffset[] }).offsets;
    },
    async omitHeaders(names) {
      await conversation.ask(["omit", ...names], nothing);
    },
    async partitionOf(key, partitionCount) {
      const answer = await conversation.ask(["partition", key.toBase64(), partitionCount], nothing);
      return (answer as { partition: number }).partition;
    },
    async read({ topic, partition, from, stable, to, key }, onRecord) {
      const words = ["read", topic, partition, from, stable, to, key?.toBase64() ?? "-"];
      return await conversation.ask(words, onRecord) as ReadSummary;
    },
    [Symbol.asyncDispose]: () => conversation.close(),
  };
}
