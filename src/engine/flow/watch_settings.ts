/** Looks now and then whether the settings of the topics in use still are what they were checked for at the start. */
import { getLogger } from "../packages/logtape.ts";
import { delay, doneWithin, unlessAborted } from "../core/delay.ts";
import type { Health } from "../core/health.ts";
import type { KafkaClient } from "../kafka/kafka_client.ts";
import type { TopicFinding } from "../kafka/check_topics.ts";
import { checkTopicsAgain, type TopicLook } from "../kafka/topic_checks.ts";

const log = getLogger(["onceflow", "kafka", "topics"]);
const disconnectMsMax = 500;

/**
 * Reports a setting with which records are lost as `topic:<name>`, until it is put right; what might lose some is a line of
 * the log when it begins and when it ends, and a note of that condition meanwhile. Ends with the signal. Never rejects.
 *
 * It halts nobody, where the start would: a start has nothing yet, while what a running process holds in memory is right,
 * and it writes it anew where the topic is. The brokers delete whether it works or not, a segment's time after the change at
 * the earliest, and the remedy works while it runs; a role that has halted would not come back with it. The state of a flow
 * that is read back later is compared with what was noted beside the offset.
 */
export async function watchSettings(
  client: KafkaClient,
  health: Health,
  signal: AbortSignal,
  intervalMs = 30_000,
): Promise<void> {
  const cluster = client.cluster();
  const verdicts = new TopicVerdicts(health);
  let checking: Promise<unknown> = Promise.resolve();
  while (true) {
    await delay(intervalMs, signal).catch(() => {});
    if (signal.aborted) break;
    try {
      const check = checkTopicsAgain(client, cluster);
      checking = check.catch(() => {});
      verdicts.take(await unlessAborted(check, signal));
    } catch (error) {
      // That Kafka is away is said by others.
      if (!signal.aborted) log.debug("Cannot check the settings of topics: {error}", { error });
    }
  }
  verdicts.end();
  // A check that is under way would connect once more, and keep the program.
  const disconnected = checking.then(() => cluster.disconnect());
  await doneWithin(disconnected, disconnectMsMax).catch(() => {});
}

/** What stands in readiness of each topic. */
class TopicVerdicts {
  readonly #refused = new Set<string>();
  readonly #noted = new Set<string>();

  constructor(readonly health: Health) {}

  /** Of a topic that could not be looked at, what was found last goes on to hold. */
  take({ findings, seen, gone }: TopicLook): void {
    const { health } = this;
    for (const topic of gone) this.#forget(topic);
    const found = Map.groupBy(findings, ({ topic }) => topic);
    for (const topic of new Set([...seen, ...found.keys()])) {
      const name = checkName(topic);
      const refusals = textsOf(found.get(topic), "refuse");
      const warnings = textsOf(found.get(topic), "warn");
      if (refusals.length > 0) {
        health.down(name, refusals.join("; "));
        this.#refused.add(topic);
      } else if (seen.has(topic) && this.#refused.delete(topic)) health.up(name);
      if (warnings.length > 0) {
        health.note(name, warnings.join("; "));
        this.#noted.add(topic);
      } else if (seen.has(topic) && this.#noted.delete(topic)) health.note(name, "");
    }
  }

  /** Nobody looks any more. */
  end(): void {
    for (const topic of [...this.#refused, ...this.#noted]) this.#forget(topic);
  }

  #forget(topic: string): void {
    if (!this.#refused.delete(topic) && !this.#noted.delete(topic)) return;
    this.health.remove(checkName(topic));
    this.#noted.delete(topic);
  }
}

function textsOf(
  findings: readonly TopicFinding[] = [],
  kind: TopicFinding["kind"],
): readonly string[] {
  return [...new Set(findings.filter((found) => found.kind === kind).map(({ text }) => text))];
}

function checkName(topic: string): string {
  return `topic:${topic}`;
}
