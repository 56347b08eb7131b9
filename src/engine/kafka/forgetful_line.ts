/** Recognizes the lines of Kafka of which some versions forget to end transactions (KAFKA-20734). */
import { anyBroker } from "./describe_topics.ts";
import { fetchFeatures } from "./transaction_version.ts";
import type { VendorCluster } from "./vendor.ts";

/** Brokers of one minor version. */
export interface KafkaLine {
  readonly line: string;
  /** Its versions that forget. */
  readonly forget?: string;
}

/** The newest `metadata.version` that a broker of the line supports: the protocol does not tell its version otherwise. */
const lines: readonly (KafkaLine & { readonly from: number; readonly to: number })[] = [
  { line: "3.3", from: 4, to: 7 },
  { line: "3.4", from: 8, to: 8 },
  { line: "3.5", from: 9, to: 11 },
  { line: "3.6", from: 12, to: 14 },
  { line: "3.7", from: 15, to: 19 },
  { line: "3.8", from: 20, to: 20 },
  { line: "3.9", from: 21, to: 21 },
  { line: "4.0", from: 22, to: 25 },
  { line: "4.1", from: 26, to: 27 },
  { line: "4.2", from: 28, to: 29 },
  { line: "4.3", from: 30, to: 30, forget: "4.3.0 and 4.3.1" },
  { line: "4.4", from: 31, to: 33, forget: "4.4.0" },
];

/** The line of a broker that supports this `metadata.version`; undefined where it is none that is known. */
export function lineAt(metadataVersionMax: number): KafkaLine | undefined {
  return lines.find(({ from, to }) => from <= metadataVersionMax && metadataVersionMax <= to);
}

/** The line of the broker that answers, and which of its versions forget; undefined where none does. */
export async function forgetfulLine(
  cluster: VendorCluster,
): Promise<{ readonly line: string; readonly forget: string } | undefined> {
  const { metadataVersionMax: level } = await fetchFeatures(await anyBroker(cluster));
  const { line, forget } = lineAt(level) ?? {};
  return line !== undefined && forget !== undefined ? { line, forget } : undefined;
}
