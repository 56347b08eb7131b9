/** Faults of permissions: what the pipeline may do with one of its things is taken away while it runs, and given back. */
import { delay } from "../../../engine/core/delay.ts";
import { defaultNamespace } from "../../../engine/core/names.ts";
import type { FaultKind } from "../fault.ts";
import { allowAgain, forbid, type Resource } from "../kafka_tool.ts";
import { sequenceFlow, sequenceTopics } from "../sequence_flow.ts";
import { insist } from "./database_sessions.ts";

/** Relay and flow each have ids that begin so. */
const transactionalIds = `${defaultNamespace}.`;

/** All of them. */
export function permissionFaults(): FaultKind[] {
  return [
    permissionFault("permission on a topic taken away", "topic", [
      sequenceTopics.input,
      sequenceTopics.output,
    ]),
    permissionFault("permission on a group taken away", "group", [sequenceFlow().groupId]),
    permissionFault("permission on transactional ids taken away", "transactional-id", [
      transactionalIds,
    ]),
  ];
}

function permissionFault(
  kind: string,
  resource: Resource,
  names: readonly string[],
): FaultKind {
  return {
    kind,
    track: "infrastructure",
    weight: 1,
    draw: (random) => ({
      victim: random.pick(names),
      amounts: { forMs: random.integer(1_000, 4_000) },
    }),
    async strike({ tools }, { victim, amounts }, signal) {
      const forbidden = await forbid(tools, resource, victim);
      await delay(amounts.forMs ?? 1_000, signal).catch(() => {});
      // It must not stay: nothing would come on any more.
      await insist(async () => {
        if (!await allowAgain(tools, resource, victim)) throw new Error(`${kind} for good`);
      });
      return forbidden;
    },
  };
}
