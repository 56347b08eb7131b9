/** Recognizes the lines of Kafka of which some versions forget to end transactions (KAFKA-20734). */
import { anyBroker } from "./describe_topics.ts";
import { fetchFeatures } from "./transaction_version.ts";
import type { VendorCluster } from "./vendor.ts";

/** The newest `metadata.version` that a broker of the line supports: the protocol does not tell its version otherwise. */
const lines = [
  { line: "4.3", from: 30, to: 30, forget: "4.3.0 and 4.3.1" },
  { line: "4.4", from: 31, to: 33, forget: "4.4.0" },
];

/** The line of the broker that answers, and which of its versions forget; undefined where none does. */
export async function forgetfulLine(
  cluster: VendorCluster,
): Promise<{ readonly line: string; readonly forget: string } | undefined> {
  const { metadataVersionMax: level } = await fetchFeatures(await anyBroker(cluster));
  return lines.find(({ from, to }) => from <= level && level <= to);
}
