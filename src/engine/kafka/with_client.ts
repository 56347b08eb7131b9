/** Lends a client of Kafka to work that ends with a signal, and leaves nothing of it behind. */
import { createKafkaClient, type KafkaClient, type KafkaSettings } from "./kafka_client.ts";

/** Longer than the transactions in hand and the word to the group may take. */
const farewellMsMax = 3_500;

/**
 * Runs the work with a client of its own. After the signal it ends in time for the program to be gone within five seconds,
 * whatever the network does.
 */
export async function withClient<T>(
  settings: KafkaSettings,
  signal: AbortSignal,
  work: (client: KafkaClient) => Promise<T>,
): Promise<T> {
  const client = createKafkaClient(settings);
  // A network that swallows answers must keep neither the work nor, later, the program.
  let timer: ReturnType<typeof setTimeout> | undefined;
  const onStop = () => timer = setTimeout(client.end, farewellMsMax);
  signal.addEventListener("abort", onStop, { once: true });
  try {
    return await work(client);
  } finally {
    signal.removeEventListener("abort", onStop);
    clearTimeout(timer);
    client.end();
  }
}
