/**
 * Lets kafkajs read the metadata of topics of which a partition has no leader.
 *
 * It rejects all of what was answered for the error of one partition: a single broker that is down keeps members from
 * joining, producers from connecting and ranges of other partitions from being read. Here such a partition has -1 for its
 * leader, and whoever wants to write to it or to read it meets that. Errors of whole topics stay what they are.
 */
import { brokerClass } from "../vendor.ts";

const marker = Symbol.for("onceflow.leaderlessPartitions");

/** An answer, as far as it is changed. */
interface Metadata {
  readonly topicMetadata: readonly { readonly partitionMetadata: readonly object[] }[];
}

export function patchLeaderlessPartitions(): void {
  const { prototype } = brokerClass();
  if (marker in prototype) return;
  const { metadata } = prototype;
  prototype.metadata = function (topics) {
    const lookupRequest: typeof this.lookupRequest = (...request) => {
      const protocolOf = this.lookupRequest(...request);
      return (options) => {
        const protocol = protocolOf(options);
        const { response } = protocol;
        const parse = (data: unknown) => response.parse(withoutErrors(data as Metadata));
        return { ...protocol, response: { ...response, parse } };
      };
    };
    return metadata.call(Object.create(this, { lookupRequest: { value: lookupRequest } }), topics);
  };
  Object.defineProperty(prototype, marker, { value: true });
}

function withoutErrors(data: Metadata): Metadata {
  const topicMetadata = data.topicMetadata.map(({ partitionMetadata, ...topic }) => ({
    ...topic,
    partitionMetadata: partitionMetadata.map((place) => ({ ...place, partitionErrorCode: 0 })),
  }));
  return { ...data, topicMetadata };
}
