/** The names that onceflow gives on a cluster, under one prefix: two environments that share a cluster differ by it. */

/** All names under one namespace. Transactional ids begin with their group's. */
export interface Names {
  /** The consumer group of a flow, or of a role such as `relay`. */
  group(name: string): string;
  /** A topic that nobody has named: by the namespace only where that is not the default. */
  topic(name: string): string;
  /**
   * The dead-letter topic of a flow's input where the flow names none: no other flow writes to it.
   *
   * @throws {TypeError} when it would be longer than Kafka allows
   */
  deadLetters(input: string, flow: string): string;
  /** The compacted topic in which lanes keep as checkpoints how far they have come. */
  readonly lanes: string;
  /** The compacted topic of parked keys. */
  readonly parked: string;
  /** The compacted topic of dead letters that were redriven one by one. */
  readonly redriven: string;
  /** The consumer group whose offsets on a dead-letter topic tell how far it was redriven. */
  readonly redrive: string;
}

/** Under it all names are what they were before there was another. */
export const defaultNamespace = "onceflow";

/** What a namespace may be: part of a topic's name. */
export const namespacePattern = /^[A-Za-z0-9._-]{1,60}$/;

/**
 * The names of a namespace.
 *
 * @throws {TypeError} when it cannot be part of a topic's name: letters, digits, `.`, `_` and `-`, at most 60
 */
export function namesIn(namespace: string = defaultNamespace): Names {
  if (!namespacePattern.test(namespace)) {
    throw new TypeError(
      `Cannot use the namespace ${
        JSON.stringify(namespace)
      }: use at most 60 letters, digits, ".", "_" and "-"`,
    );
  }
  const named = (name: string) => `${namespace}.${name}`;
  const topic = namespace === defaultNamespace ? (name: string) => name : named;
  return {
    ...{ group: named, topic },
    deadLetters: (input, flow) => {
      const letters = `${input}.${flow}.DLQ`;
      // An input that is called by the namespace already has it once in the name of its dead letters, too.
      return checkLength(input.startsWith(named("")) ? letters : topic(letters), flow);
    },
    lanes: named("lanes"),
    parked: named("parked"),
    redriven: named("redriven"),
    redrive: named("redrive"),
  };
}

const topicNameLengthMax = 249;

function checkLength(deadLetters: string, flow: string): string {
  if (deadLetters.length <= topicNameLengthMax) return deadLetters;
  throw new TypeError(
    `Cannot name the dead-letter topic of flow "${flow}": ${deadLetters} has more than ` +
      `${topicNameLengthMax} characters. Name one in the flow, with deadLetters`,
  );
}
