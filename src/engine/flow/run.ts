/** Runs flows with a client of their own: what a program calls that has nothing else to do with Kafka. */
import type { Flow } from "../core/flow.ts";
import type { KafkaSettings } from "../kafka/kafka_client.ts";
import { withClient } from "../kafka/with_client.ts";
import type { RunFlowOptions } from "./run_flow_options.ts";
import { type AnyFlow, runFlows } from "./run_flows.ts";

/**
 * Runs a flow, or several, against these brokers until the signal fires. After it the run ends within five seconds, and
 * what the flows' own `onStop` takes, whatever the network does, and leaves nothing behind that would keep the program.
 *
 * Several flows are members of a group each, and share settings, options and health. Of a topic that two of them read each
 * fetches every record for itself, and has its own offset and lag. They share no membership: where a topic should be fetched
 * once, one flow makes all of it (`to: [invoices, mails]`), in one transaction. One that fails or halts does not end the
 * others: it is an error in the log and `flow:<name>` in the health, and the call rejects when all have ended.
 *
 * @throws {HaltError} when going on would lose or double something; a person must decide then. An AggregateError where
 * that is so of several flows
 * @throws {TypeError} when two flows have one group, or options and flow do not go together
 *
 * @example
 * ```ts ignore
 * await run({ brokers: ["127.0.0.1:9092"], clientId: "shop", ssl: false }, [billing, mailing], signal);
 * ```
 */
export async function run<T>(
  settings: KafkaSettings,
  flow: Flow<T> | readonly AnyFlow[],
  signal: AbortSignal,
  options: Partial<RunFlowOptions> = {},
): Promise<void> {
  const flows: readonly AnyFlow[] = "inputs" in flow ? [flow] : flow;
  await withClient(settings, signal, (client) => runFlows(client, flows, signal, options));
}
