/** What Spring Kafka, Kafka Connect and Kafka Streams say of a dead letter in headers of their own. Pure. */
import { type Header, headerText } from "../core/record.ts";

/** What is known of a failure; empty or undefined where no header tells. */
export interface ForeignFacts {
  readonly topic: string | undefined;
  readonly partition: number | undefined;
  readonly offset: number | undefined;
  readonly timestamp: number | undefined;
  readonly errorClass: string | undefined;
  readonly error: string | undefined;
  readonly groupId: string | undefined;
  readonly attempts: number | undefined;
}

/**
 * Reads them. Sources: `DeadLetterPublishingRecoverer` (`kafka_dlt-*`, numbers big-endian), Spring's retry topics (`kafka_*`,
 * `retry_topic-*`), KIP-298 (`__connect.errors.*`) and KIP-1034 (`__streams.errors.*`), numbers of the last two as text.
 */
export function foreignFacts(headers: readonly Header[]): ForeignFacts {
  const spring = (name: string) =>
    headerText(headers, `kafka_dlt-${name}`) ?? headerText(headers, `kafka_${name}`);
  const springNumber = (name: string) =>
    bigEndian(headers, `kafka_dlt-${name}`) ?? bigEndian(headers, `kafka_${name}`);
  const connect = (name: string) => headerText(headers, `__connect.errors.${name}`);
  const streams = (name: string) => headerText(headers, `__streams.errors.${name}`);
  const reason = springReason(spring);
  const number = (name: string) =>
    springNumber(`original-${name}`) ?? wholeNumber(connect(name) ?? streams(name));
  return {
    topic: spring("original-topic") ?? connect("topic") ?? streams("topic"),
    partition: number("partition"),
    offset: number("offset"),
    timestamp: springNumber("original-timestamp"),
    errorClass: reason.errorClass ?? connect("exception.class.name") ??
      classOf(streams("exception")),
    error: reason.error ?? connect("exception.message") ?? streams("message"),
    groupId: spring("original-consumer-group") ?? connect("connector.name"),
    attempts: bigEndian(headers, "retry_topic-attempts") ??
      bigEndian(headers, "kafka_deliveryAttempt"),
  };
}

/** Spring's own exceptions say that a listener failed; why, only their cause says. */
const wrappers = /^org\.springframework\.(?:kafka|messaging)\./;
const stackCharactersMax = 200_000;
const causedBy = /^Caused by: ([\w.$]+)(?:: (.*))?$/gm;

function springReason(
  spring: (name: string) => string | undefined,
): { readonly errorClass?: string; readonly error?: string } {
  const errorClass = spring("exception-fqcn") ?? spring("key-exception-fqcn");
  const error = spring("exception-message") ?? spring("key-exception-message");
  if (errorClass === undefined || !wrappers.test(errorClass)) return { errorClass, error };
  const stack = spring("exception-stacktrace") ?? spring("key-exception-stacktrace") ?? "";
  const [, root, message] = [...stack.slice(0, stackCharactersMax).matchAll(causedBy)].at(-1) ?? [];
  if (root !== undefined) return { errorClass: root, error: message?.trim() || error };
  return { errorClass: spring("exception-cause-fqcn") ?? errorClass, error };
}

/** Of `java.lang.IllegalStateException: no tax`. */
function classOf(text: string | undefined): string | undefined {
  return text === undefined ? undefined : /^[\w.$]*/.exec(text)?.[0];
}

/** A whole number that stands as text. */
export function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function bigEndian(headers: readonly Header[], name: string): number | undefined {
  const value = headers.findLast(([header]) => header === name)?.[1];
  if (!value || (value.length !== 4 && value.length !== 8)) return undefined;
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const number = value.length === 4 ? view.getInt32(0) : Number(view.getBigInt64(0));
  return number >= 0 ? number : undefined;
}
