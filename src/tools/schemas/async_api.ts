/** Describes the topics as AsyncAPI 3.0 (https://www.asyncapi.com/docs/reference/specification/v3.0.0). Pure. */
import type { EventSchemas } from "./event_schemas.ts";
import type { JsonSchema } from "./fits.ts";

/** A topic, and the one type of event on it. */
export interface DescribedTopic {
  readonly topic: string;
  readonly event: string;
  readonly description: string;
}

/** What the document is about. */
export interface Described {
  readonly version: string;
  readonly topics: readonly DescribedTopic[];
  readonly schemas: Readonly<Record<string, EventSchemas>>;
}

/** The headers of a record in Kafka's binding of CloudEvents, and our own beside them. */
const headers: JsonSchema = {
  type: "object",
  properties: {
    event_id: { type: "string" },
    event_type: { type: "string" },
    ce_specversion: { type: "string", const: "1.0" },
    ce_id: { type: "string" },
    ce_source: { type: "string" },
    ce_type: { type: "string" },
    ce_time: { type: "string" },
    traceparent: { type: "string" },
    tracestate: { type: "string" },
  },
  required: ["event_id", "event_type", "ce_specversion", "ce_id", "ce_source", "ce_type"],
};

/** The document, ready to be written as JSON. The payloads are what is written: readers take more than that. */
export function asyncApi({ version, topics, schemas }: Described): Record<string, unknown> {
  const named = <T>(of: (topic: DescribedTopic) => readonly [string, T]) =>
    Object.fromEntries(topics.map(of));
  return {
    asyncapi: "3.0.0",
    info: {
      title: "onceflow",
      version,
      description: "Events of orders, each once under read_committed.",
      license: { name: "MIT" },
    },
    defaultContentType: "application/json",
    channels: named(({ topic, event, description }) => [event, {
      address: topic,
      description,
      messages: { [event]: { $ref: `#/components/messages/${event}` } },
      bindings: { kafka: { topic, bindingVersion: "0.5.0" } },
    }]),
    operations: named(({ event }) => [`send${event}`, {
      action: "send",
      channel: { $ref: `#/channels/${event}` },
      messages: [{ $ref: `#/channels/${event}/messages/${event}` }],
    }]),
    components: {
      messages: named(({ event }) => [event, {
        name: event,
        contentType: "application/json",
        headers,
        payload: schemas[event]?.writes,
        bindings: {
          kafka: {
            key: { type: "string", description: "the order's id" },
            bindingVersion: "0.5.0",
          },
        },
      }]),
    },
  };
}
