/** What a flow reads: one topic, or several with a contract each. Chooses by the record's topic. */
import type { TopicContract } from "./topic_contract.ts";

/** A contract of any event type. */
// deno-lint-ignore no-explicit-any -- an event type of its own for each
export type AnyContract = TopicContract<any>;

/** The event of a contract; of several, any of theirs. */
export type EventOf<C> = C extends TopicContract<infer T> ? T : never;

/**
 * One contract that reads the records of all of these, each with the contract of its topic. It writes nothing.
 *
 * @throws {TypeError} when there is none, or two have the same name
 */
export function oneOf<T>(flow: string, inputs: readonly AnyContract[]): TopicContract<T> {
  const [first] = inputs;
  if (first === undefined) throw new TypeError(`Cannot define flow "${flow}": it reads no topic`);
  if (inputs.length === 1) return first;
  const byTopic = new Map(inputs.map((contract) => [contract.name, contract]));
  if (byTopic.size < inputs.length) {
    throw new TypeError(`Cannot define flow "${flow}": it names an input twice`);
  }
  const refuse = () => {
    throw new TypeError(`Flow "${flow}" has several inputs: emit by the contract of one topic`);
  };
  return {
    name: inputs.map(({ name }) => name).join(","),
    decode(record) {
      const contract = byTopic.get(record.topic ?? "");
      if (contract) return contract.decode(record);
      throw new TypeError(`Flow "${flow}" does not read topic ${record.topic}`);
    },
    event: refuse,
    tombstone: refuse,
    ...inputs.some(({ redact }) => redact) && {
      redact: (text, record) => byTopic.get(record.topic ?? "")?.redact?.(text, record) ?? text,
      hidesKey: (record) => byTopic.get(record.topic ?? "")?.hidesKey?.(record) ?? false,
    },
  };
}
