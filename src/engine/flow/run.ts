/** Runs a flow with a client of its own: what a program calls that has nothing else to do with Kafka. */
import type { Flow } from "../core/flow.ts";
import type { KafkaSettings } from "../kafka/kafka_client.ts";
import { withClient } from "../kafka/with_client.ts";
import { runFlow, type RunFlowOptions } from "./run_flow.ts";

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
  await withClient(settings, signal, (client) => runFlow(client, flow, signal, options));
}
