/** DescribeConfigs version 4 for topics and brokers, over kafkajs's connection: kafkajs rejects all of them for the error of one. */
import { WireReader } from "./codec/wire_reader.ts";
import { flexibleProtocol } from "./raw_protocol.ts";
import { anyBroker } from "./describe_topics.ts";
import type { VendorBroker, VendorCluster, VendorProtocol } from "./vendor.ts";

/** The settings of one topic in force, those that the broker gives it among them. */
export interface TopicSettings {
  readonly topic: string;
  /** The protocol's error for this topic, such as 29 where DescribeConfigs is not allowed; 0 where there is none. */
  readonly errorCode: number;
  readonly values: ReadonlyMap<string, string>;
}

const topicResource = 2;
const brokerResource = 4;

/** Asks for these settings of these topics. */
export async function describeTopicSettings(
  cluster: VendorCluster,
  topics: readonly string[],
  names: readonly string[],
): Promise<readonly TopicSettings[]> {
  if (topics.length === 0) return [];
  return await (await anyBroker(cluster)).connectionPool.send(
    describeConfigs(topicResource, topics, names),
  );
}

/** One setting of this broker in force; undefined where it does not tell. */
export async function brokerSetting(
  broker: VendorBroker,
  name: string,
): Promise<string | undefined> {
  return (await brokerSettings(broker, [name])).values.get(name);
}

/** Settings of this broker in force, or why it does not tell them: `topic` is its node id. */
export async function brokerSettings(
  broker: VendorBroker,
  names: readonly string[],
): Promise<TopicSettings> {
  const topic = String(broker.nodeId);
  const [found] = await broker.connectionPool.send(
    describeConfigs(brokerResource, [topic], names),
  );
  return found ?? { topic, errorCode: 0, values: new Map() };
}

function describeConfigs(
  kind: typeof topicResource | typeof brokerResource,
  resources: readonly string[],
  names: readonly string[],
): VendorProtocol<readonly TopicSettings[]> {
  const call = { apiKey: 32, apiVersion: 4, apiName: "DescribeConfigs" };
  return flexibleProtocol(call, (body) => {
    body.arrayLength(resources.length);
    for (const resource of resources) {
      body.raw(Uint8Array.of(kind)).string(resource).arrayLength(names.length);
      for (const name of names) body.string(name);
      body.tags();
    }
    return body.boolean(false).boolean(false); // neither synonyms nor documentation
  }, parseTopicSettings);
}

/** Parses an answer from the header's tag buffer on. */
export function parseTopicSettings(bytes: Uint8Array): readonly TopicSettings[] {
  const reader = new WireReader(bytes);
  reader.tags();
  reader.int32(); // throttle time
  return reader.array(() => {
    const errorCode = reader.int16();
    reader.string(); // error message
    reader.raw(1); // kind of resource
    const topic = reader.string() ?? "";
    const entries = reader.array((): [string, string] => {
      const name = reader.string() ?? "";
      const value = reader.string() ?? "";
      reader.raw(3); // read only, source, sensitive
      reader.array(() => {
        reader.string();
        reader.string();
        reader.raw(1);
        reader.tags();
      });
      reader.raw(1); // type
      reader.string(); // documentation
      reader.tags();
      return [name, value];
    });
    reader.tags();
    return { topic, errorCode, values: new Map(entries) };
  });
}
