/** Groups of dead letters for people, and as documents for programs. Pure. */
import { isoTime, timeText } from "../core/iso_time.ts";
import { formatAddress } from "./dead_letter_address.ts";
import { brief } from "./describe_bytes.ts";
import { columns, cutTo } from "./fit_columns.ts";
import type { DeadLetterGroup, DeadLetterGroups } from "./group_dead_letters.ts";

/** Some lines each, none longer than 100 characters. */
export function groupsText({ groups, others }: DeadLetterGroups): string {
  const blocks = groups.map((group) => {
    const { fingerprint, count, pending, first, last, samples, reason } = group;
    const waiting = pending === undefined ? "" : ` (${pending} pending)`;
    const times = count === 1 ? timeText(last) : `${timeText(first)} to ${timeText(last)}`;
    return [
      `${fingerprint}  ${count}${waiting}  ${times}`,
      ...[
        brief(`${group.errorClass || "(no class)"} in ${cause(group)}`, 500),
        brief(reason || "(no reason)", 500),
        `such as ${samples.map(formatAddress).join(" ")}`,
      ].map((line) => cutTo(`  ${line}`, columns)),
    ].join("\n");
  });
  if (others > 0) blocks.push(`${others} more, with other causes than these`);
  return blocks.join("\n");
}

function cause({ groupId, topic }: DeadLetterGroup): string {
  return `${groupId || "(unknown group)"} from ${topic ?? "(unknown topic)"}`;
}

/** For `--json`. */
export function groupDocument(
  { fingerprint, errorClass, reason, groupId, topic, count, pending, first, last, samples }:
    DeadLetterGroup,
): Record<string, unknown> {
  return {
    fingerprint,
    error_class: errorClass,
    reason,
    group: groupId,
    topic: topic ?? null,
    count,
    pending: pending ?? null,
    first_failed_at: isoTime(first) ?? null,
    last_failed_at: isoTime(last) ?? null,
    samples: samples.map(formatAddress),
  };
}
