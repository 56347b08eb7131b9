/** Faults of the brokers: killed, restarted, stopped, their leaders moved. */
import { type Arena, roleNamed } from "../arena.ts";
import type { FaultKind } from "../fault.ts";
import { moveLeaders } from "../kafka_tool.ts";
import { freezeForAWhile, killAndRestart } from "./service_outage.ts";

/** All of them. */
export function brokerFaults(): FaultKind[] {
  return [
    {
      kind: "broker killed and restarted",
      track: "infrastructure",
      weight: 3,
      draw: (random, { brokers }) => ({
        victim: `broker-${random.integer(1, brokers)}`,
        amounts: { downMs: random.integer(100, 5_000) },
      }),
      strike: ({ cluster }, { victim, amounts }, signal) =>
        killAndRestart(brokerOf(cluster, victim), amounts.downMs ?? 0, signal),
    },
    {
      kind: "rolling restart of the brokers",
      track: "infrastructure",
      weight: 1,
      draw: () => ({ victim: "brokers" }),
      async strike({ cluster }) {
        for (const broker of cluster.brokers) {
          await broker.stop();
          await broker.start();
        }
        return true;
      },
    },
    {
      kind: "broker stopped and continued",
      track: "infrastructure",
      weight: 1,
      draw: (random, { brokers }) => ({
        victim: `broker-${random.integer(1, brokers)}`,
        amounts: { stopMs: random.integer(500, 6_000) },
      }),
      strike: ({ cluster }, { victim, amounts }, signal) =>
        freezeForAWhile(brokerOf(cluster, victim), amounts.stopMs ?? 500, signal),
    },
    {
      kind: "a projector starts while the brokers do not answer",
      track: "infrastructure",
      weight: 1,
      draw: (random, { projectors }) => ({
        victim: random.pick(projectors),
        amounts: { stopMs: random.integer(1_500, 5_000) },
      }),
      async strike(arena, { victim, amounts }, signal) {
        const { cluster: { brokers } } = arena;
        const frozen = brokers.map((broker) =>
          freezeForAWhile(broker, amounts.stopMs ?? 1_500, signal)
        );
        const killed = await roleNamed(arena, victim).kill();
        return (await Promise.all(frozen)).every(Boolean) && killed;
      },
    },
    {
      kind: "leaders and coordinators moved",
      track: "infrastructure",
      weight: 2,
      needsThreeBrokers: true,
      draw: () => ({ victim: "brokers" }),
      strike: async ({ tools }) => await moveLeaders(tools) > 0,
    },
  ];
}

function brokerOf({ brokers }: Arena["cluster"], victim: string) {
  const broker = brokers.find(({ nodeId }) => victim === `broker-${nodeId}`);
  if (!broker) throw new Error(`there is no ${victim}`);
  return broker;
}
