/** Runs several flows beside each other in one process: each a member of its own group, all under one health. */
import { getLogger } from "../packages/logtape.ts";
import { type Flow, inNamespace } from "../core/flow.ts";
import { createHealth, type Health } from "../core/health.ts";
import type { KafkaClient } from "../kafka/kafka_client.ts";
import { guaranteeOf } from "./guarantee_of.ts";
import { runFlow } from "./run_flow.ts";
import type { RunFlowOptions } from "./run_flow_options.ts";

/** A flow of any event type. */
// deno-lint-ignore no-explicit-any -- an event type of its own for each
export type AnyFlow = Flow<any>;

const log = getLogger(["onceflow", "flow"]);

/**
 * Runs the flows until the signal fires. One that fails or halts does not end the others: it stands as `flow:<name>` in the
 * health, and when all have ended the call rejects with its error. Each reads its inputs for itself.
 *
 * @throws {TypeError} before anything is begun: when there is no flow, two have one group, or one cannot have the guarantee
 * @throws {HaltError} when going on would lose or double something; of several flows an AggregateError of their errors
 */
export async function runFlows(
  client: KafkaClient,
  flows: readonly AnyFlow[],
  signal: AbortSignal,
  options: Partial<RunFlowOptions> = {},
): Promise<void> {
  if (flows.length === 0) throw new TypeError("Cannot run flows: there is none");
  const groups = flows.map((flow) => inNamespace(flow, client.names).groupId);
  const twice = groups.find((group, index) => groups.indexOf(group) !== index);
  if (twice !== undefined) {
    throw new TypeError(`Cannot run flows: two of them are in group ${twice}; a group is one flow`);
  }
  for (const flow of flows) guaranteeOf(flow, options.guarantee);
  const health = options.health ?? createHealth();
  const shared = topicsOfSeveral(flows);
  const errors: unknown[] = [];
  await Promise.all(flows.map(async (flow) => {
    const own = { ...options, health: healthOf(flow, health, shared) };
    await runFlow(client, flow, signal, own).catch((error) => {
      errors.push(error);
      if (flows.length === 1) return;
      const reason = error instanceof Error ? error.message : String(error);
      health.down(`flow:${flow.name}`, `it has ended, and the others go on: ${reason}`);
      log.error("Flow {name} has ended: {error}", { name: flow.name, error });
    });
  }));
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new AggregateError(errors, `${errors.length} flows have ended`);
}

/** The inputs that more than one of them reads. */
function topicsOfSeveral(flows: readonly AnyFlow[]): readonly string[] {
  const inputs = flows.flatMap((flow) => flow.inputs.map(({ name }) => name));
  return inputs.filter((topic, index) => inputs.indexOf(topic) !== index);
}

/** Where two flows read one partition, each reports of its own lane. */
function healthOf({ name }: AnyFlow, health: Health, shared: readonly string[]): Health {
  if (shared.length === 0) return health;
  const own = (check: string) =>
    shared.some((topic) => check.startsWith(`lane:${topic}-`)) ? `${check} (${name})` : check;
  return {
    up: (check, cause) => health.up(own(check), cause),
    down: (check, reason, options) => health.down(own(check), reason, options),
    note: (check, text) => health.note(own(check), text),
    remove: (check, cause) => health.remove(own(check), cause),
    ready: () => health.ready(),
  };
}
