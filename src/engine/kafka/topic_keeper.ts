/** Keeps a topic of ours in being while a process works: it looks every few seconds, makes one that was deleted, and tells. */
import { getLogger } from "../packages/logtape.ts";
import { doneWithin } from "../core/delay.ts";
import { protocolErrorType } from "./error_verdict.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { fetchTopicId } from "./topic_id.ts";
import { ensureTopics } from "./topics.ts";
import type { TopicSpec } from "./topic_spec.ts";
import type { VendorCluster } from "./vendor.ts";

const lookEveryMs = 2_000;
const lookEndMsMax = 500;
const log = getLogger(["onceflow", "kafka", "topics"]);

/** Looks from `start` on; disposing ends it. */
export class TopicKeeper implements AsyncDisposable {
  #cluster: VendorCluster | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #looking: Promise<void> = Promise.resolve();
  #known: string | undefined;
  #ended = false;

  /** `onRemade` is called when the topic is not the one that it was: what was in that one is gone. */
  constructor(
    readonly client: KafkaClient,
    readonly spec: TopicSpec,
    readonly onRemade: () => void,
  ) {}

  /** Begins to look; calling it again changes nothing. */
  start(): void {
    if (this.#timer === undefined && !this.#ended) this.#schedule(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    await this.#cluster?.disconnect().catch(() => {});
    // A look that was under way may connect anew.
    await doneWithin(this.#looking, lookEndMsMax);
    await this.#cluster?.disconnect().catch(() => {});
  }

  #schedule(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#looking = this.#look().finally(() => this.#ended || this.#schedule(lookEveryMs));
    }, ms);
  }

  async #look(): Promise<void> {
    const { topic } = this.spec;
    try {
      const id = await this.#idOrMake();
      if (this.#ended || id === undefined) return;
      const before = this.#known;
      this.#known = id;
      if (before === undefined || before === id) return;
      log.warn(
        "{topic} was deleted and recreated; this process writes to it again what it knows",
        { topic },
      );
      this.onRemade();
    } catch (error) {
      log.debug("Cannot look after {topic}: {error}", { topic, error });
    }
  }

  async #idOrMake(): Promise<string | undefined> {
    const { client, spec } = this;
    const cluster = this.#cluster ??= client.cluster();
    try {
      return await fetchTopicId(cluster, spec.topic);
    } catch (error) {
      if (protocolErrorType(error) !== "UNKNOWN_TOPIC_OR_PARTITION" || this.#ended) throw error;
    }
    await ensureTopics(client, [spec]);
    return await fetchTopicId(cluster, spec.topic);
  }
}
