/** Parked keys, and what became of them, for people and for programs. Pure. */
import { Buffer } from "node:buffer";
import { formatPartition } from "../core/record.ts";
import { formatAddress } from "./dead_letter_address.ts";
import { brief, briefBytes } from "./describe_bytes.ts";
import { columns, cutTo } from "./fit_columns.ts";
import type { ParkedKey } from "./parked_entry.ts";
import type { UnparkOutcome } from "./unpark.ts";

/** What became of a key. */
export function outcomeSentence(outcome: UnparkOutcome): string {
  const { parked: { length, done }, redriven, passedOver } = outcome;
  const skipped = passedOver > 0 ? `, ${passedOver} passed over and NOT processed` : "";
  const sent = redriven - passedOver;
  const waiting = length - done;
  switch (outcome.kind) {
    case "free":
      return `free; ${sent} record(s) were sent back and processed${skipped}`;
    case "sent":
      return `${sent} record(s) sent back${skipped}; free once a worker has come that far (is one running?)`;
    case "failed-again": {
      const { record, errorClass, error } = outcome.deadLetter;
      return `still parked, ${waiting} record(s) wait${skipped}: the first failed again ` +
        `(${formatAddress(record)}, ${brief(errorClass, 60)}: ${brief(error, 200)})`;
    }
    case "first-missing":
      return `still parked, ${waiting} record(s) wait${skipped}: the first of them is not among the dead ` +
        `letters, or cannot go back. --forget frees the key`;
    case "still-filling":
      return `still parked, ${waiting} record(s) wait${skipped}: new ones arrive faster than they are sent ` +
        `back. Run it again when less arrives`;
    default:
      return outcome satisfies never;
  }
}

/** The same for `--json`. */
export function outcomeDocument(outcome: UnparkOutcome): Record<string, unknown> {
  return {
    ...parkedDocument(outcome.parked),
    outcome: outcome.kind,
    redriven: outcome.redriven,
    passed_over: outcome.passedOver,
    first: outcome.kind === "failed-again" ? formatAddress(outcome.deadLetter.record) : null,
  };
}

/** A parked key for `--json`. */
export function parkedDocument(parked: ParkedKey): Record<string, unknown> {
  const { key, groupId, topic, partition, queue, length, done, since, deadLetters } = parked;
  return {
    key: briefBytes(key, 1_000),
    key_hex: Buffer.from(key).toString("hex"),
    group: groupId,
    topic,
    partition,
    since_offset: since,
    waiting: length - done,
    queue,
    dead_letters: deadLetters,
  };
}

/** Two lines each, none wider than {@linkcode columns}. */
export function parkedText(parked: readonly ParkedKey[]): string {
  return parked.flatMap(({ key, groupId, since, length, done, ...place }) => [
    `${cutTo(briefBytes(key, 200), 50)}  ${length - done} record(s) wait, since offset ${since}`,
    `  in ${cutTo(formatPartition(place), 46)}, parked by ${groupId}`,
  ]).map((line) => cutTo(line, columns)).join("\n");
}
