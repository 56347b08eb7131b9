/** Judges the consumer groups: who is in them, and could each lane start from where it stands. Pure. */
import { assignerName } from "../../engine/kafka/assigner.ts";
import type { GroupDescription } from "../../engine/kafka/group_description.ts";
import { type Finding, not, right, splitRemedy } from "./finding.ts";

/** One group of ours. */
export interface GroupFacts extends GroupDescription {
  readonly groupId: string;
  /** Which of the worker's roles are its members; undefined where it only holds offsets. */
  readonly role?: "flow" | "projector";
  /** Why a lane would halt at its start, in the words of the halt. */
  readonly halts: readonly string[];
  /** Records that wait for it, where that is known. */
  readonly lag?: number;
}

/** All that is to be said of it. */
export function judgeGroup(group: GroupFacts): Finding[] {
  const subject = `group ${group.groupId}`;
  const findings = [
    ...foreignersIn(subject, group),
    ...group.halts.map((halt) => {
      const { text, remedy } = splitRemedy(halt, ". ", "first");
      return not("wrong", subject, text, remedy);
    }),
  ];
  return findings.length > 0 ? findings : [standingOf(subject, group)];
}

function foreignersIn(
  subject: string,
  { groupId, role, members, protocol }: GroupFacts,
): Finding[] {
  // Without one the coordinator is just waiting for the members to agree.
  const isOurs = protocol === undefined || protocol === "" || protocol === assignerName;
  if (members.length === 0 || (role !== undefined && isOurs)) return [];
  const who = members.slice(0, 5).map(({ clientId, host, instanceId }) =>
    `${clientId} at ${host.replace(/^\//, "")}${instanceId ? ` (static: ${instanceId})` : ""}`
  ).join(", ");
  const more = members.length > 5 ? ` and ${members.length - 5} more` : "";
  const how = role === undefined
    ? "it only holds offsets of onceflow, and a consumer sits in it"
    : `another consumer, which is not onceflow, sits in it (${protocol})`;
  return [
    not(
      "wrong",
      subject,
      `${how}: ${who}${more}. It takes partitions away and moves offsets, and workers halt`,
      `stop it, or give it another group.id than ${groupId}; then look here again`,
    ),
  ];
}

function standingOf(
  subject: string,
  { state, members, role, lag }: GroupFacts,
): Finding {
  const waiting = lag === undefined ? "" : `; ${lag} offsets to go`;
  if (state.endsWith("Rebalance") || state === "Assigning" || state === "Reconciling") {
    const text = `it is in a rebalance (${state})`;
    return not("warning", subject, text, "look again; where it stays so, members come and go");
  }
  if (role === undefined) return right(subject, "it only holds offsets, and nobody sits in it");
  if (members.length > 0) return right(subject, `${members.length} member(s)${waiting}`);
  if (!lag) {
    return right(subject, `nobody is in it: no worker runs with the role ${role}${waiting}`);
  }
  return not(
    "warning",
    subject,
    `no worker runs with the role ${role}, and there is work: ${lag} offsets to go`,
    "deno task worker",
  );
}
