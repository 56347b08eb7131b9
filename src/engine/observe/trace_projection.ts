/** Puts spans around a projection's fold. It changes nothing of what is folded. */
import { type SpanContext, SpanKind } from "../packages/opentelemetry.ts";
import type { InputRecord, TopicPartition } from "../core/record.ts";
import { sampledContextOf } from "./trace_context.ts";
import { endFailed, endingSpan, linksMax, messaging, startSpan, tracingOn } from "./traces.ts";
import { startBatch } from "./trace_transactions.ts";

/** The parts of the projection room's `Projection` that are wrapped, written out because this room imports only the core. */
interface Folding<Event extends object, Tx, Tables> {
  decode(record: InputRecord): Event | undefined;
  apply(tx: Tx, events: readonly Event[], table: Tables): Promise<void>;
}

/** Where an event was read, and in which trace. */
interface Origin extends TopicPartition {
  readonly offset: number;
  readonly context: SpanContext;
}

/**
 * The projection with a span for each fold of several events, with links to their traces, and in each of those a span of
 * its own. The same, untouched, while tracing is off. `groupId` is the group that shares the partitions.
 */
export function traceProjection<
  Event extends object,
  Tx,
  Tables,
  P extends Folding<Event, Tx, Tables>,
>(
  projection: P & Folding<Event, Tx, Tables>,
  groupId: string,
  on: boolean = tracingOn(),
): P {
  if (!on) return projection;
  const origins = new WeakMap<Event, Origin>();
  return {
    ...projection,
    decode(record: InputRecord) {
      const event = projection.decode(record);
      const context = event && sampledContextOf(record);
      if (event && context) {
        const { topic, partition, offset } = record;
        origins.set(event, { topic, partition, offset, context });
      }
      return event;
    },
    async apply(tx: Tx, events: readonly Event[], table: Tables) {
      const seen = events.flatMap((event) => origins.get(event) ?? []).slice(0, linksMax);
      const [first] = seen;
      if (!first) return await projection.apply(tx, events, table);
      const spans = seen.map((origin) => startOne(origin, groupId));
      const batch = events.length === 1 ? undefined : startBatch({
        ...{ name: "process", type: "process", topic: first.topic, groupId },
        messages: events.length,
      }, seen.map(({ context }) => context));
      const fold = () => projection.apply(tx, events, table);
      try {
        await (batch ? endingSpan(batch, fold) : fold());
        for (const span of spans) span.end();
      } catch (error) {
        for (const span of spans) endFailed(span, error);
        throw error;
      }
    },
  };
}

function startOne({ topic, partition, offset, context }: Origin, groupId: string) {
  return startSpan(`process ${topic}`, {
    kind: SpanKind.CONSUMER,
    attributes: messaging({ name: "process", type: "process" }, topic, {
      "messaging.consumer.group.name": groupId,
      "messaging.destination.partition.id": String(partition),
      "messaging.kafka.offset": offset,
    }),
  }, context);
}
