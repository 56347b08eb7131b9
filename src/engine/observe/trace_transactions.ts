/** Puts a span around each Kafka transaction, with links to the traces of its records. It changes no outcome. */
import { type Span, type SpanContext, SpanKind } from "../packages/opentelemetry.ts";
import type { AtomicWrite, Transactions } from "../core/ports.ts";
import { headerText, type OutputRecord } from "../core/record.ts";
import { redrivenFromHeader } from "../core/trips.ts";
import { sampledContextOf, withTrace } from "./trace_context.ts";
import { endFailed, endingSpan, linksMax, messaging, startSpan, tracingOn } from "./traces.ts";

/**
 * Transactions of a relay: each row with a sampled trace gets a `create` span, whose context is what its record carries, and
 * each transaction a `send` span that links to them. The same, untouched, while tracing is off.
 */
export function tracePublishing(
  transactions: Transactions,
  on: boolean = tracingOn(),
): Transactions {
  return on ? traced(transactions, publish) : transactions;
}

/**
 * Transactions of a redrive: each dead letter with a sampled trace gets a `redrive` span, a child of what its record was, whose
 * context the record carries from then on. So what becomes of it now is in the trace in which it failed. The same, untouched,
 * while tracing is off.
 */
export function traceRedriving(
  transactions: Transactions,
  on: boolean = tracingOn(),
): Transactions {
  return on ? traced(transactions, redrive) : transactions;
}

/**
 * Transactions of a flow's member: each gets a span that settles what was read, with links to the spans of the records that
 * its outputs and dead letters come from. The same, untouched, while tracing is off.
 */
export function traceSettling(transactions: Transactions, on: boolean = tracingOn()): Transactions {
  return on ? traced(transactions, settle) : transactions;
}

type Commit = (write: AtomicWrite) => Promise<void>;

function traced(
  transactions: Transactions,
  around: (write: AtomicWrite, commit: Commit) => Promise<void>,
): Transactions {
  return {
    shutOut: transactions.shutOut,
    stableOffset: transactions.stableOffset,
    async open(transactionalId, signal) {
      const transactor = await transactions.open(transactionalId, signal);
      return {
        transactionalId,
        commit: (write) => around(write, (inner) => transactor.commit(inner)),
        [Symbol.asyncDispose]: () => transactor[Symbol.asyncDispose](),
      };
    },
  };
}

function publish(write: AtomicWrite, commit: Commit): Promise<void> {
  return send("create", write.records, write, commit);
}

function redrive(write: AtomicWrite, commit: Commit): Promise<void> {
  // The others are notes of what was redriven.
  return send("redrive", write.records.filter(redrivenFrom), write, commit);
}

async function send(
  name: "create" | "redrive",
  told: readonly OutputRecord[],
  write: AtomicWrite,
  commit: Commit,
): Promise<void> {
  if (told.length === 0) return await commit(write);
  const created: Span[] = [];
  const records = write.records.map((record) => {
    const row = sampledContextOf(record);
    if (!row) return record;
    const span = startSpan(`${name} ${record.topic}`, {
      kind: SpanKind.PRODUCER,
      attributes: messaging({ name, type: "create" }, record.topic, {
        "messaging.destination.partition.id": String(record.partition),
        "messaging.message.id": headerText(record.headers, "event_id"),
        ...(name === "redrive" && { "onceflow.redriven.from": redrivenFrom(record) }),
      }),
    }, row);
    created.push(span);
    return { ...record, headers: withTrace(record.headers, span.spanContext(), record) };
  });
  const sending = startBatch(
    { name: "send", type: "send", topic: onlyTopicOf(told), messages: told.length },
    created.map((span) => span.spanContext()),
  );
  try {
    await endingSpan(sending, () => commit({ ...write, records }));
    for (const span of created) span.end();
  } catch (error) {
    for (const span of created) endFailed(span, error);
    throw error;
  }
}

function redrivenFrom({ headers }: OutputRecord): string | undefined {
  return headerText(headers, redrivenFromHeader);
}

async function settle(write: AtomicWrite, commit: Commit): Promise<void> {
  const [first, ...others] = write.offsets;
  if (!first) return await commit(write);
  const settling = startBatch({
    ...{ name: "commit", type: "settle", messages: write.records.length, groupId: first.groupId },
    topic: onlyTopicOf(write.offsets),
    // Of one lane alone there is one place to tell.
    place: others.length === 0 ? first : undefined,
  }, sampledContexts(write.records));
  await endingSpan(settling, () => commit(write));
}

/** What a batch's span tells. */
interface Batch {
  readonly name: string;
  readonly type: "send" | "process" | "settle";
  readonly topic: string | undefined;
  readonly messages: number;
  readonly groupId?: string;
  readonly place?: { readonly partition: number; readonly offset: number };
}

/** A trace of its own that links to those of its records; a part of the trace where there is only one. */
export function startBatch(batch: Batch, contexts: readonly SpanContext[]): Span {
  const { name, type, topic, messages, groupId, place } = batch;
  const [first] = contexts;
  return startSpan(topic === undefined ? name : `${name} ${topic}`, {
    kind: type === "process" ? SpanKind.CONSUMER : SpanKind.CLIENT,
    attributes: messaging({ name, type }, topic, {
      "messaging.batch.message_count": messages,
      ...(groupId !== undefined && { "messaging.consumer.group.name": groupId }),
      ...(place && {
        "messaging.destination.partition.id": String(place.partition),
        "messaging.kafka.offset": place.offset,
      }),
    }),
    links: contexts.slice(0, linksMax).map((context) => ({ context })),
  }, contexts.length === 1 ? first : undefined);
}

/** Those that somebody wants to see, each once: one record may have become several. */
function sampledContexts(records: readonly OutputRecord[]): SpanContext[] {
  const found = new Map<string, SpanContext>();
  for (const record of records) {
    const context = sampledContextOf(record);
    if (context) found.set(context.spanId, context);
    if (found.size === linksMax) break;
  }
  return [...found.values()];
}

function onlyTopicOf(places: readonly { readonly topic: string }[]): string | undefined {
  const topic = places[0]?.topic;
  return places.every((place) => place.topic === topic) ? topic : undefined;
}
