/** Runs the benchmark's independent eye, Kafka's Java client in a process of its own, and speaks with it. */
import { clientProperties, type LogReaderConnection } from "../verify/client_properties.ts";

/** A committed record; views into a buffer that is used again: copy what must outlive the call. */
export interface SeenRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Something that looks at topics from outside, one command at a time. */
export interface Probe extends AsyncDisposable {
  create(topics: readonly string[], partitions: number): Promise<void>;
  delete(topics: readonly string[]): Promise<void>;
  /** Every committed record up to the present end. */
  dump(topic: string, onRecord: (record: SeenRecord) => void): Promise<void>;
  /** The last stable offsets of a topic, summed up. */
  end(topic: string): Promise<number>;
  /** Tells every new record's key and when it was seen, in microseconds since the epoch. Resolves once it looks. */
  follow(topic: string, onKey: (key: string, seenAtMicros: number) => void): Promise<Following>;
}

/** A topic that is being followed. */
export interface Following {
  /** Ends it; every record that was committed before the call has been told. */
  stop(): Promise<void>;
}

type Frame = { readonly type: string; readonly payload: Uint8Array };

const requestTimeoutMs = 30_000;
const latin1 = new TextDecoder("latin1");
const encoder = new TextEncoder();

/**
 * Starts the probe; the class path comes from `compileProbe`.
 *
 * @throws when there is no java
 */
export async function openProbe(
  connection: LogReaderConnection,
  classPath: string,
  signal: AbortSignal,
): Promise<Probe> {
  const child = new Deno.Command("java", {
    args: [
      "-Xmx256m",
      "-XX:+UseSerialGC",
      "-XX:TieredStopAtLevel=1",
      "-cp",
      classPath,
      "BenchProbe",
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
    signal,
  }).spawn();
  const conversation = new Conversation(child);
  await conversation.write(`${clientProperties(connection, requestTimeoutMs)}\n`);
  return {
    create: (topics, partitions) => conversation.ask(["create", String(partitions), ...topics]),
    delete: (topics) => conversation.ask(["delete", ...topics]),
    dump: (topic, onRecord) =>
      conversation.ask(["dump", topic], ({ payload }) => onRecord(seenRecord(payload))),
    async end(topic) {
      let end = 0;
      await conversation.ask(["ends", topic], ({ payload }) => {
        end = Number(latin1.decode(payload));
      });
      return end;
    },
    async follow(topic, onKey) {
      await conversation.write(`follow\t${topic}\n`);
      await conversation.untilDone("follow", () => {});
      const told = conversation.untilDone("follow", ({ payload }) => {
        const micros = new DataView(payload.buffer, payload.byteOffset).getBigInt64(0);
        onKey(latin1.decode(payload.subarray(8)), Number(micros));
      });
      told.catch(() => {}); // it is awaited in stop()
      return {
        async stop() {
          await conversation.write("stop\n");
          await told;
        },
      };
    },
    [Symbol.asyncDispose]: () => conversation.close(),
  };
}

function seenRecord(payload: Uint8Array): SeenRecord {
  const view = new DataView(payload.buffer, payload.byteOffset);
  const keyBytes = view.getInt32(12);
  return {
    partition: view.getInt32(0),
    offset: Number(view.getBigInt64(4)),
    key: payload.subarray(16, 16 + keyBytes),
    value: payload.subarray(16 + keyBytes),
  };
}

class Conversation {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #bytes = new Uint8Array(0);
  #last: Promise<void> = Promise.resolve();

  constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#writer = child.stdin.getWriter();
    this.#reader = child.stdout.getReader();
  }

  async write(text: string): Promise<void> {
    await this.#writer.write(encoder.encode(text));
  }

  /** One question at a time, whoever asks. */
  ask(words: readonly string[], onFrame: (frame: Frame) => void = () => {}): Promise<void> {
    const answer = this.#last.then(async () => {
      await this.write(`${words.join("\t")}\n`);
      await this.untilDone(words[0] ?? "", onFrame);
    });
    this.#last = answer.catch(() => {});
    return answer;
  }

  async untilDone(command: string, onFrame: (frame: Frame) => void): Promise<void> {
    while (true) {
      for (let frame = this.#take(); frame; frame = this.#take()) {
        if (frame.type === "J") return;
        if (frame.type === "E") {
          throw new Error(`Cannot ${command} on Kafka: ${latin1.decode(frame.payload)}`);
        }
        onFrame(frame);
      }
      const { value, done } = await this.#reader.read();
      if (done) throw new Error("The benchmark's Java probe ended unexpectedly; it needs a JDK 17");
      const joined = new Uint8Array(this.#bytes.length + value.length);
      joined.set(this.#bytes);
      joined.set(value, this.#bytes.length);
      this.#bytes = joined;
    }
  }

  #take(): Frame | undefined {
    if (this.#bytes.length < 5) return undefined;
    const length = new DataView(this.#bytes.buffer, this.#bytes.byteOffset).getInt32(0);
    if (this.#bytes.length < 4 + length) return undefined;
    const type = String.fromCharCode(this.#bytes[4] ?? 0);
    const payload = this.#bytes.subarray(5, 4 + length);
    this.#bytes = this.#bytes.subarray(4 + length);
    return { type, payload };
  }

  async close(): Promise<void> {
    await this.#writer.close().catch(() => {});
    await this.#reader.cancel().catch(() => {});
    await this.#child.status;
  }
}
