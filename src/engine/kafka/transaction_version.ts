/** Asks a broker which transaction protocol its cluster has agreed on (the feature `transaction.version`, KIP-1022). */
import { WireReader } from "./codec/wire_reader.ts";
import { flexibleProtocol } from "./raw_protocol.ts";
import type { VendorBroker, VendorProtocol } from "./vendor.ts";

const feature = "transaction.version";
const supportedFeatures = 0;
const finalizedFeatures = 2;

/** What a broker says of its features. */
export interface KafkaFeatures {
  /** 2 and more is the protocol of KIP-890; 0 where the cluster has never heard of the feature (before Kafka 4.0). */
  readonly transactionVersion: number;
  /** The newest transaction protocol that this broker supports. */
  readonly transactionVersionMax: number;
  /** The newest `metadata.version` that this broker supports, or 0: it grows with each line of Kafka. */
  readonly metadataVersionMax: number;
}

/** Asks this broker for its features. */
export function fetchFeatures(broker: VendorBroker): Promise<KafkaFeatures> {
  return broker.connectionPool.send(apiVersions(parseFeatures));
}

/** {@linkcode KafkaFeatures.transactionVersion} of the cluster. */
export function fetchTransactionVersion(broker: VendorBroker): Promise<number> {
  return broker.connectionPool.send(
    apiVersions((bytes) => parseFeatures(bytes).transactionVersion),
  );
}

/** ApiVersions version 3 (KIP-584): kafkajs asks with version 2, which has no features in its answer. */
function apiVersions<T>(parse: (bytes: Uint8Array) => T): VendorProtocol<T> {
  const call = { apiKey: 18, apiVersion: 3, apiName: "ApiVersions" };
  return flexibleProtocol(
    call,
    (body) => body.string("onceflow").string("kafkajs"),
    parse,
  );
}

/** Parses an answer from its body on: the header of this answer alone has no tag buffer. */
export function parseFeatures(bytes: Uint8Array): KafkaFeatures {
  const reader = new WireReader(bytes);
  // A broker that knows no version 3 says so in the layout of version 0, and has no features either.
  if (reader.int16() !== 0) {
    return { transactionVersion: 0, transactionVersionMax: 0, metadataVersionMax: 0 };
  }
  reader.array(() => {
    reader.raw(6); // a key, its lowest and its highest version
    reader.tags();
  });
  reader.int32(); // throttle time
  let transactionVersion = 0;
  let transactionVersionMax = 0;
  let metadataVersionMax = 0;
  reader.tags((tag, value) => {
    if (tag !== supportedFeatures && tag !== finalizedFeatures) return;
    const features = value.array(() => {
      const found = { name: value.string(), first: value.int16(), second: value.int16() };
      value.tags();
      return found;
    });
    const of = (wanted: string) => features.find(({ name }) => name === wanted);
    // What is supported goes from the lowest to the highest, what is agreed on from the highest to the lowest.
    if (tag === supportedFeatures) {
      metadataVersionMax = of("metadata.version")?.second ?? 0;
      transactionVersionMax = of(feature)?.second ?? 0;
    } else transactionVersion = of(feature)?.first ?? 0;
  });
  return { transactionVersion, transactionVersionMax, metadataVersionMax };
}
