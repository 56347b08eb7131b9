/** Runs a flow with a client of its own: what a program calls that has nothing else to do with Kafka. */
import type { Flow } from "../core/flow.ts";
import { createKafkaClient, type KafkaSettings } from "../kafka/kafka_client.ts";
import { runFlow, type RunFlowOptions } from "./run_flow.ts";

/** Longer than the transactions in hand and the word to the group may take. */
const farewellMsMax = 3_500;

/**
 * Runs a flow against these brokers: `runFlow` with a client of its own. After the signal it ends within five
 * seconds, whatever the network does, and leaves nothing behind that would keep the program.
 *
 * @throws {HaltError} when going on would lose or double something; a person must decide then
 */
export async function run<T>(
  settings: KafkaSettings,
  flow: Flow<T>,
  signal: AbortSignal,
  options: Partial<RunFlowOptions> = {},
): Promise<void> {
  const client = createKafkaClient(settings);
  // A network that swallows answers must keep neither the flow nor, later, the program.
  let timer: ReturnType<typeof setTimeout> | undefined;
  const onStop = () => timer = setTimeout(client.end, farewellMsMax);
  signal.addEventListener("abort", onStop, { once: true });
  try {
    await runFlow(client, flow, signal, options);
  } finally {
    signal.removeEventListener("abort", onStop);
    clearTimeout(timer);
    client.end();
  }
}
