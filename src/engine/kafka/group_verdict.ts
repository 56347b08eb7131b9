/** What an error means for a member of a group: join again, wait, halt, or a mistake in the program. Pure. */
import { protocolErrorType } from "./error_verdict.ts";

/**
 * - `rejoin`: the group's own course of things (a rebalance, a session that ran out): join again at once;
 * - `wait`: out of reach or not ready: join again after a pause, and say so;
 * - `halt`: no retry can help, a person has to change something;
 * - `mistake`: a TypeError and its like, which no broker sends.
 */
export type GroupVerdict = "rejoin" | "wait" | "halt" | "mistake";

const rejoin = new Set([
  "REBALANCE_IN_PROGRESS",
  "ILLEGAL_GENERATION",
  "UNKNOWN_MEMBER_ID",
  "FENCED_INSTANCE_ID",
  "MEMBER_ID_REQUIRED",
]);

/** Errors that end the member, and what to do about each. Those that are in neither list are waited out. */
const advice: Readonly<Record<string, (groupId: string) => string>> = {
  SASL_AUTHENTICATION_FAILED: () => "check KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD",
  UNSUPPORTED_SASL_MECHANISM: () => "set KAFKA_SASL_MECHANISM to one that the broker offers",
  UNSUPPORTED_VERSION: () => "use brokers of Kafka 3.1 or later",
  INVALID_SESSION_TIMEOUT: () =>
    "choose SESSION_TIMEOUT_MS between the broker's group.min.session.timeout.ms (6000 by default) and " +
    "group.max.session.timeout.ms",
  INVALID_GROUP_ID: () => "give the group another name",
  INVALID_TOPIC_EXCEPTION: () => "use a topic name that Kafka allows",
};

/** Names of kafkajs's errors that carry no code of the protocol. */
const adviceByName: Readonly<Record<string, string>> = {
  KafkaJSSASLAuthenticationError: "SASL_AUTHENTICATION_FAILED",
};

const mistakes = new Set(["TypeError", "RangeError", "ReferenceError", "SyntaxError"]);

/** Judges an error of joining or beating. */
export function groupVerdict(error: unknown): GroupVerdict {
  const type = groupErrorType(error);
  if (type !== undefined) {
    if (rejoin.has(type)) return "rejoin";
    return Object.hasOwn(advice, type) ? "halt" : "wait";
  }
  return chain(error).some(({ name }) => mistakes.has(name)) ? "mistake" : "wait";
}

/** What a person can do about an error whose verdict is `halt`. */
export function groupAdvice(error: unknown, groupId: string): string {
  return advice[groupErrorType(error) ?? ""]?.(groupId) ?? "see the broker's log";
}

/** What a name of the protocol leaves unsaid of an error that is waited out. */
const remarks: Readonly<Record<string, string>> = {
  GROUP_MAX_SIZE_REACHED:
    "the brokers' group.max.size lets no further member in: raise it, or run fewer workers",
};

/** The protocol's name of the error, or its message. */
export function groupErrorText(error: unknown): string {
  const type = groupErrorType(error);
  if (type === undefined) return error instanceof Error ? error.message : String(error);
  const remark = remarks[type];
  return remark === undefined ? type : `${remark} (${type})`;
}

function groupErrorType(error: unknown): string | undefined {
  const type = protocolErrorType(error);
  if (type !== undefined) return type;
  const known = chain(error).find(({ name }) => Object.hasOwn(adviceByName, name));
  return known && adviceByName[known.name];
}

/** The error and its causes. */
function chain(error: unknown): Error[] {
  const errors: Error[] = [];
  for (let at = error; at instanceof Error && errors.length < 10; at = at.cause) errors.push(at);
  return errors;
}
