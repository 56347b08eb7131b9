/** Looks now and then whether the settings of the topics in use still are what they were checked for at the start. */
import { getLogger } from "../packages/logtape.ts";
import { delay, doneWithin, unlessAborted } from "../core/delay.ts";
import type { Health } from "../core/health.ts";
import type { KafkaClient } from "../kafka/kafka_client.ts";
import { checkTopicsAgain } from "../kafka/topic_checks.ts";

const log = getLogger(["onceflow", "kafka", "topics"]);
const disconnectMsMax = 500;

/**
 * Reports a setting with which records are lost as `topic:<name>`, until it is put right; what might lose some is a line of
 * the log. Ends with the signal. Never rejects.
 */
export async function watchSettings(
  client: KafkaClient,
  health: Health,
  signal: AbortSignal,
  intervalMs = 30_000,
): Promise<void> {
  const cluster = client.cluster();
  let refused: ReadonlySet<string> = new Set();
  let checking: Promise<unknown> = Promise.resolve();
  while (true) {
    await delay(intervalMs, signal).catch(() => {});
    if (signal.aborted) break;
    try {
      const check = checkTopicsAgain(client, cluster);
      checking = check.catch(() => {});
      const findings = await unlessAborted(check, signal);
      const found = Map.groupBy(findings, ({ topic }) => topic);
      for (const [topic, own] of found) {
        health.down(checkName(topic), [...new Set(own.map(({ text }) => text))].join("; "));
      }
      for (const topic of refused) if (!found.has(topic)) health.up(checkName(topic));
      refused = new Set(found.keys());
    } catch (error) {
      // That Kafka is away is said by others.
      if (!signal.aborted) log.debug("Cannot check the settings of topics: {error}", { error });
    }
  }
  for (const topic of refused) health.remove(checkName(topic));
  // A check that is under way would connect once more, and keep the program.
  const disconnected = checking.then(() => cluster.disconnect());
  await doneWithin(disconnected, disconnectMsMax).catch(() => {});
}

function checkName(topic: string): string {
  return `topic:${topic}`;
}
