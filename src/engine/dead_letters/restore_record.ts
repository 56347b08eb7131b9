/** Makes the original record out of a dead letter: the bytes that failed, for the place that they came from. Pure. */
import { partitionForKey } from "../core/partition_for_key.ts";
import { formatPartition, type OutputRecord, textHeader } from "../core/record.ts";
import { redrivenForHeader } from "../core/redriven_for.ts";
import { redrivenFromHeader, tripHeaderNames, tripHeaders } from "../core/trips.ts";
import { formatAddress } from "./dead_letter_address.ts";
import { parkedHeader } from "../core/parked_header.ts";
import { parkedSkipHeader } from "./parked_link.ts";
import { type DeadLetter, originalHeaders } from "./read_dead_letter.ts";

/** The word for no group in particular. */
export const everybody = "all";
/** How old a record may be to keep its first timestamp, milliseconds. */
const firstTimestampMsMax = 24 * 60 * 60_000;
/** Of how many trips a record is not redriven any more unless it is meant by itself: something sends it back again and again. */
export const tripsMaxDefault = 10;

/**
 * The record to write. Key and value are the original's, and so are the headers, with `x-redriven-for`, `x-redriven-from` and
 * those of `core/trips.ts` behind them (in the place of older ones, if this is not its first redrive).
 *
 * It goes to the partition that it came from, which keeps the order of its key also where partitions were added since;
 * another topic (`to`) gets it by key.
 *
 * @param target the topic that it goes to and how many partitions that has; with `skip`, the lane of a parked key passes
 * it over when its turn comes
 */
export function restoreRecord(
  deadLetter: DeadLetter,
  target: {
    readonly topic: string;
    readonly partitionCount: number;
    readonly skip?: boolean;
    /** Whom it is for, in the topic that it came from: the group that it failed in where absent, or everybody. */
    readonly for?: string;
    /** The time of the redrive, milliseconds. */
    readonly now?: number;
  },
): OutputRecord {
  const { record, origin, originalTimestamp, groupId } = deadLetter;
  const { topic, partitionCount, skip = false, now = record.timestamp } = target;
  const group = origin?.topic === topic ? target.for ?? groupId : "";
  // Its own time. What is older than the shortest usual retention, the broker might delete before it is read; what claims
  // to be younger than its dead letter, the broker might refuse.
  const keepsTime = originalTimestamp !== undefined && originalTimestamp <= record.timestamp &&
    originalTimestamp > now - firstTimestampMsMax;
  const kept = origin?.topic === topic && origin.partition < partitionCount;
  const partition = kept
    ? origin.partition
    : record.key === null
    ? record.partition % partitionCount
    : partitionForKey(record.key, partitionCount);
  const from = `${record.topic}/${formatAddress(record)}`;
  const ours = [redrivenFromHeader, redrivenForHeader, parkedSkipHeader, ...tripHeaderNames];
  // A place in the queue of a parked key means something only in the topic that the key is parked in.
  if (origin?.topic !== topic) ours.push(parkedHeader);
  const headers = originalHeaders(record.headers).filter(([name]) => !ours.includes(name));
  return {
    topic,
    partition,
    key: record.key,
    value: record.value,
    ...(keepsTime && { timestamp: originalTimestamp }),
    headers: [
      ...headers,
      ...(skip ? [textHeader(parkedSkipHeader, "true")] : []),
      ...(group === "" || group === everybody ? [] : [textHeader(redrivenForHeader, group)]),
      textHeader(redrivenFromHeader, from),
      ...tripHeaders({
        ...deadLetter.first,
        count: deadLetter.trips,
        attempts: deadLetter.attemptsInAll,
      }),
    ],
  };
}

/** Where a dead letter goes back to, or why it cannot. */
export type RedriveTarget = { readonly topic: string } | { readonly refused: string };

/** What the operator says of where dead letters go, and of which do not. */
export interface TargetOptions {
  /** The topic that was named. */
  readonly to?: string;
  /** Those of more trips do not go; any number where absent. */
  readonly tripsMax?: number;
}

/** Decides where a dead letter goes back to, if it does. */
export function redriveTarget(
  deadLetter: DeadLetter,
  { to, tripsMax = Infinity }: TargetOptions = {},
): RedriveTarget {
  const { record, origin, missing, trips } = deadLetter;
  const address = formatAddress(record);
  const name = `Dead letter ${address} of ${record.topic}`;
  if (missing !== undefined) {
    const place = origin
      ? `; the original is at ${formatPartition(origin)} offset ${origin.offset}`
      : "";
    return {
      refused: `${name} cannot be redriven: ${missing}${place}; have its producer send it again`,
    };
  }
  if (trips > tripsMax) {
    return {
      refused:
        `${name} has become a dead letter ${trips} times, so it stays: redrive it by name when the cause ` +
        `is mended, with "deno task dlq redrive ${address}"`,
    };
  }
  const topic = to ?? origin?.topic;
  if (topic !== undefined) return { topic };
  return {
    refused: `${name} does not say which topic it came from: redrive it with ` +
      `"deno task dlq redrive ${address} --to TOPIC"`,
  };
}
