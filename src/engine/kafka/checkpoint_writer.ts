/**
 * Writes the checkpoints of all lanes of a process together, once a second: one batch, however many lanes there are.
 *
 * Outside of their transactions, after them: what a checkpoint says was committed, and a checkpoint that is lost or late only makes
 * the floor under a lane's offset a second older. In the lanes' own transactions 64 of them wrote eleven million batches
 * and markers a day.
 */
import { getLogger } from "../packages/logtape.ts";
import { doneWithin } from "../core/delay.ts";
import type { PlainProducer } from "../core/delivery.ts";
import type { Health } from "../core/health.ts";
import type { OutputRecord } from "../core/record.ts";
import { refusedLogin } from "./refused_login.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { openPlainProducer } from "./plain_producer.ts";

const everyMs = 1_000;
/** A process that was frozen must not keep as a checkpoint what a person may have decided otherwise since. */
const ageMsMax = 10_000;
const failuresMax = 5;
const lastMsMax = 500;
const cause = "lane checkpoints";
const log = getLogger(["onceflow", "kafka", "checkpoints"]);

/** A checkpoint that waits. */
interface Waiting {
  readonly record: OutputRecord;
  readonly addedAtMs: number;
}

/** See the file's first lines. Disposing writes once more what waits. */
export class CheckpointWriter implements AsyncDisposable {
  #waiting = new Map<string, Waiting>();
  /** The latest of each key. */
  readonly #kept = new Map<string, OutputRecord>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> = Promise.resolve();
  #producer: PlainProducer | undefined;
  #failures = 0;
  #ended = false;

  constructor(readonly client: KafkaClient, readonly health: Health | undefined) {}

  /** In the place of a checkpoint of the same key that waits. Never waits and never fails. */
  add(key: string, record: OutputRecord): void {
    this.#kept.set(key, record);
    this.#waiting.set(key, { record, addedAtMs: performance.now() });
    this.#schedule();
  }

  /** What is written already, or will be by its transaction: for the case that all has to be written again. */
  keep(key: string, record: OutputRecord): void {
    this.#kept.set(key, record);
  }

  /** Writes the latest of each key once more. */
  again(): void {
    for (const [key, record] of this.#kept) this.add(key, record);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    const last = this.#writing.then(() => this.#write()).finally(() => {
      return this.#producer?.[Symbol.asyncDispose]();
    });
    await doneWithin(last, lastMsMax);
    if (this.#failures > 0) this.health?.up("kafka", cause);
  }

  #schedule(): void {
    if (this.#ended || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#writing = this.#write().finally(() => {
        this.#timer = undefined;
        if (this.#waiting.size > 0) this.#schedule();
      });
    }, everyMs);
  }

  async #write(): Promise<void> {
    const taken = this.#waiting;
    this.#waiting = new Map();
    const now = performance.now();
    const fresh = [...taken].filter(([, { addedAtMs }]) => now - addedAtMs < ageMsMax);
    if (fresh.length === 0) return;
    try {
      this.#producer ??= await openPlainProducer(this.client);
      await this.#producer.send(fresh.map(([, { record }]) => record));
      if (this.#failures >= failuresMax) this.health?.up("kafka", cause);
      this.#failures = 0;
    } catch (error) {
      log.debug("Cannot write how far the lanes have come: {error}", { error });
      const spent = this.#producer;
      this.#producer = undefined;
      await spent?.[Symbol.asyncDispose]();
      for (const [key, checkpoint] of fresh) {
        if (!this.#waiting.has(key)) this.#waiting.set(key, checkpoint);
      }
      if (++this.#failures === failuresMax) this.#say(error);
    }
  }

  #say(error: unknown): void {
    const login = refusedLogin(error);
    const text = error instanceof Error ? error.message : String(error);
    const reason = login ? `Kafka ${login}` : text;
    this.health?.down("kafka", `how far the lanes have come cannot be written: ${reason}`, {
      cause,
    });
  }
}
