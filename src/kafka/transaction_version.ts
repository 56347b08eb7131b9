/** Asks a broker which transaction protocol its cluster has agreed on (the feature `transaction.version`, KIP-1022). */
import { WireReader } from "./codec/wire_reader.ts";
import { flexibleProtocol } from "./raw_protocol.ts";
import type { VendorBroker, VendorProtocol } from "./vendor.ts";

const feature = "transaction.version";
const finalizedFeatures = 2;

/** 2 and more is the protocol of KIP-890; 0 where the cluster has never heard of the feature (before Kafka 4.0). */
export function fetchTransactionVersion(broker: VendorBroker): Promise<number> {
  return broker.connectionPool.send(apiVersions());
}

/** ApiVersions version 3 (KIP-584): kafkajs asks with version 2, which has no features in its answer. */
function apiVersions(): VendorProtocol<number> {
  const call = { apiKey: 18, apiVersion: 3, apiName: "ApiVersions" };
  return flexibleProtocol(
    call,
    (body) => body.string("onceflow").string("kafkajs"),
    parseTransactionVersion,
  );
}

/** Parses an answer from its body on: the header of this answer alone has no tag buffer. */
export function parseTransactionVersion(bytes: Uint8Array): number {
  const reader = new WireReader(bytes);
  // A broker that knows no version 3 says so in the layout of version 0, and has no features either.
  if (reader.int16() !== 0) return 0;
  reader.array(() => {
    reader.raw(6); // a key, its lowest and its highest version
    reader.tags();
  });
  reader.int32(); // throttle time
  let version = 0;
  reader.tags((tag, value) => {
    if (tag !== finalizedFeatures) return;
    const levels = value.array(() => {
      const name = value.string();
      const level = value.int16();
      value.int16(); // the lowest level
      value.tags();
      return { name, level };
    });
    version = levels.find(({ name }) => name === feature)?.level ?? 0;
  });
  return version;
}
