/** Speaks with the independent reader over its pipes. Knows frames, not what the commands mean. */
import { UnreachableError } from "./compile_reader.ts";
import { decodeLogRecord, decodeUnread, FrameBuffer, type LogRecord } from "./reader_frames.ts";

/** One question at a time: the next one goes out when the last is answered, so that answers never cross. */
export class Conversation {
  readonly #child: Deno.ChildProcess;
  readonly #signal: AbortSignal;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #frames = new FrameBuffer();
  readonly #encoder = new TextEncoder();
  #answered: Promise<unknown> = Promise.resolve();

  constructor(child: Deno.ChildProcess, signal: AbortSignal) {
    this.#child = child;
    this.#signal = signal;
    this.#writer = child.stdin.getWriter();
    this.#reader = child.stdout.getReader();
  }

  /** Sends text as it is. */
  async write(text: string): Promise<void> {
    await this.#writer.write(this.#encoder.encode(text));
  }

  /** Sends a command after all earlier ones are answered; hands its records over; returns the parsed JSON that ends it. */
  async ask(
    words: readonly (string | number)[],
    onRecord: (record: LogRecord) => void,
  ): Promise<unknown> {
    const answer = this.#answered.then(() => this.#exchange(words, onRecord));
    this.#answered = answer.catch(() => undefined);
    return await answer;
  }

  async #exchange(
    words: readonly (string | number)[],
    onRecord: (record: LogRecord) => void,
  ): Promise<unknown> {
    this.#signal.throwIfAborted();
    await this.write(words.join("\t") + "\n");
    while (true) {
      for (let frame; (frame = this.#frames.take());) {
        if (frame.type === "R" || frame.type === "U") {
          const decode = frame.type === "R" ? decodeLogRecord : decodeUnread;
          onRecord(decode(frame.payload));
          continue;
        }
        const text = new TextDecoder().decode(frame.payload);
        if (frame.type === "J") return JSON.parse(text);
        throw new UnreachableError(`Kafka did not answer the log reader's "${words[0]}": ${text}`);
      }
      const { value, done } = await this.#reader.read();
      this.#signal.throwIfAborted();
      if (done) throw new UnreachableError("The independent log reader ended unexpectedly");
      this.#frames.push(value);
    }
  }

  /** Ends the process: its input closes, and it holds nothing that a slower end would save. */
  async close(): Promise<void> {
    await this.#writer.close().catch(() => undefined);
    await this.#reader.cancel().catch(() => undefined);
    await this.#child.status;
  }
}
