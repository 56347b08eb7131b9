/** Translates what kafkajs throws into the verdicts of the core, once, at this edge. */
import { HaltError } from "../core/errors.ts";
import { TransactionError, type TransactionVerdict } from "../core/ports.ts";
import { errorName } from "./error_name.ts";
import { obstacleOf } from "./obstacle.ts";
import { refusedLogin } from "./refused_login.ts";
import { errorInChain, type RefusedRequest } from "./refused_request.ts";

/** The fields that kafkajs's errors carry, some of them behind `cause` or `originalError`. */
interface VendorError {
  readonly type?: string;
  readonly code?: number | string;
  readonly name?: string;
  readonly message?: string;
  readonly cause?: unknown;
}

/** The protocol error's name, such as `INVALID_PRODUCER_EPOCH`, wherever in the chain of causes it is. */
export function protocolErrorType(error: unknown): string | undefined {
  for (let depth = 0, at = error as VendorError | undefined; at && depth < 10; depth++) {
    // PRODUCER_FENCED (90) is missing from kafkajs's table and arrives as an unknown code.
    if (/Unknown error code 90\b/.test(at.message ?? "")) return "PRODUCER_FENCED";
    if (typeof at.type === "string") return at.type;
    at = at.cause as VendorError | undefined;
  }
}

/** A newer owner of the transactional id exists: InitProducerId has fenced this one. */
const migrated = new Set([
  "INVALID_PRODUCER_EPOCH",
  "PRODUCER_FENCED",
  "INVALID_PRODUCER_ID_MAPPING",
]);

/** The group has gone on without whoever commits: nothing of that transaction counts (KIP-447). */
const leftBehind = new Set([
  ...["ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID", "FENCED_INSTANCE_ID", "REBALANCE_IN_PROGRESS"],
]);

/** The broker looked at the records themselves and refused them; nothing of them was written. */
const rejected = new Set(["MESSAGE_TOO_LARGE", "RECORD_LIST_TOO_LARGE", "INVALID_RECORD"]);

/** No retry can help: a person has to change a version or a setting of ours. */
const fatal = new Set([
  "SASL_AUTHENTICATION_FAILED",
  "UNSUPPORTED_VERSION",
  "UNSUPPORTED_SASL_MECHANISM",
  "UNSUPPORTED_FOR_MESSAGE_FORMAT",
  "INVALID_TRANSACTION_TIMEOUT",
  "INVALID_TOPIC_EXCEPTION",
]);

/** What this failure means for a transaction. All that is not definite is unknown: the poison rule. */
export function verdictOf(error: unknown): TransactionVerdict {
  const type = protocolErrorType(error);
  if (type === undefined) return "unknown";
  if (migrated.has(type)) return "migrated";
  if (leftBehind.has(type)) return "left-behind";
  if (rejected.has(type)) return "rejected";
  if (obstacleOf(error, {})?.kind === "wait") return "blocked";
  return fatal.has(type) ? "fatal" : "unknown";
}

/** Errors without a code of the protocol that no retry changes. */
const lasting = new Set([
  "TypeError",
  "RangeError",
  "ReferenceError",
  "SyntaxError",
  "KafkaJSSASLAuthenticationError",
]);

/**
 * True where the cluster was out of reach, or moved something to another broker: the same may be asked again. An answer that
 * no retry changes, several errors at a time and mistakes in the program are no outage.
 */
export function isOutage(error: unknown): boolean {
  for (let depth = 0, at = error; at instanceof Error && depth < 10; depth++, at = at.cause) {
    const { type, retriable } = at as { type?: unknown; retriable?: unknown };
    if (typeof type === "string") return retriable === true;
    if (at instanceof HaltError || lasting.has(at.name) || "errors" in at) return false;
  }
  return true;
}

/** The coordinator still writes the markers of the last transaction: nothing was done, ask again shortly. */
export function isConcurrentTransactions(error: unknown): boolean {
  return protocolErrorType(error) === "CONCURRENT_TRANSACTIONS";
}

/** Wraps a failure of `action` on what is named in `request`, keeping the cause. */
export function transactionError(
  action: string,
  error: unknown,
  request: RefusedRequest = {},
): TransactionError {
  const verdict = verdictOf(error);
  const text = said(error, verdict, request);
  // What has to be changed is the same whichever step of a session runs into it, and is to be said once.
  const isSaidOnce = verdict === "blocked" || refusedLogin(error) !== undefined;
  const message = isSaidOnce ? text : `${action}: ${text}`;
  return new TransactionError(verdict, message, {
    cause: error,
    topic: refusedTopic(error, request),
    begun: errorInChain(error, ({ unsent }) => unsent === true) === undefined,
  });
}

/** What a broker answers for one topic, while it would take the records of others. */
const ofOneTopic = new Set([
  ...rejected,
  ...["TOPIC_AUTHORIZATION_FAILED", "INVALID_TIMESTAMP", "INVALID_TOPIC_EXCEPTION"],
  ...["POLICY_VIOLATION", "NOT_ENOUGH_REPLICAS", "NOT_ENOUGH_REPLICAS_AFTER_APPEND"],
]);

function refusedTopic(error: unknown, { topics = [] }: RefusedRequest): string | undefined {
  const refusal = errorInChain(error, ({ type }) => type !== undefined && ofOneTopic.has(type));
  if (!refusal) return undefined;
  return refusal.topic ?? (topics.length === 1 ? topics[0] : undefined);
}

/** Runs a step of a session; its failure names the step, and what it was about. */
export async function named<T>(
  action: string,
  request: RefusedRequest,
  step: () => Promise<T>,
): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (protocolErrorType(error) === undefined || error instanceof TransactionError) throw error;
    throw transactionError(action, error, request);
  }
}

function said(error: unknown, verdict: TransactionVerdict, request: RefusedRequest): string {
  const obstacle = obstacleOf(error, request);
  if (obstacle) return obstacle.reason;
  const type = protocolErrorType(error);
  const text = type === undefined
    ? (error instanceof Error ? error.message : String(error))
    : errorName(type, error, request);
  const refused = errorInChain(error, (each) => each.type === type);
  const { topic, batch } = refused ?? {};
  const where = topic === undefined ? "" : ` from topic "${topic}"`;
  const limit = type === "MESSAGE_TOO_LARGE" && batch
    ? `, whose max.message.bytes is below the ${batch.bytes} bytes of ${batch.records} record(s)`
    : "";
  const meaning = type === "INVALID_PRODUCER_ID_MAPPING" ? expired : consequence[verdict];
  return `${text}${where}${limit} (${meaning})`;
}

const expired = "this transactional id was not used for long and has expired";

const consequence: Record<TransactionVerdict, string> = {
  migrated: "another producer took over this transactional id",
  "left-behind": "the group has gone on without this member; nothing was committed",
  unknown: "the outcome is not known; the committed offset will tell",
  rejected: "the broker refused the records; nothing was committed",
  blocked: "trying again until it is changed",
  fatal: "no retry can help; check settings and broker version",
};
