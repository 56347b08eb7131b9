/** The settings of the processes under torture: small batches and short time-outs, so that faults meet many transactions. */
import { type Guarantee, settingNames } from "../../config.ts";
import { pipelineUser } from "./authorizer.ts";
import type { PrivateCluster } from "./private_cluster.ts";

/** Stops are shorter and longer than each of these, milliseconds. */
export const tortureTimeouts = { transactionTimeoutMs: 3_000, sessionTimeoutMs: 6_000 } as const;

/** What the processes of a run have in their environment beside what they inherit. */
export function tortureEnvironment(options: {
  readonly cluster: PrivateCluster;
  readonly httpPort: number;
  readonly guarantee: Guarantee;
}): Record<string, string> {
  const { cluster, httpPort, guarantee } = options;
  return {
    // Settings of the user's own pipeline have no place here; an empty one counts as not set.
    ...Object.fromEntries(settingNames.map((name) => [name, ""])),
    KAFKA_BROKERS: cluster.proxiedBrokers.join(","),
    KAFKA_SASL_MECHANISM: "plain",
    KAFKA_SASL_USERNAME: pipelineUser,
    KAFKA_SASL_PASSWORD: pipelineUser,
    DATABASE_URL: cluster.databaseUrl,
    DATABASE_CONNECTIONS_MAX: "5",
    HTTP_PORT: String(httpPort),
    GUARANTEE: guarantee,
    TOPIC_PARTITIONS: "3",
    OUTBOX_SHARDS: "2",
    RELAY_BATCH_RECORDS_MAX: "20",
    BATCH_RECORDS_MAX: "20",
    // Several produce requests in a transaction, even to one partition.
    REQUEST_BYTES_MAX: "10240",
    TRANSACTION_TIMEOUT_MS: String(tortureTimeouts.transactionTimeoutMs),
    SESSION_TIMEOUT_MS: String(tortureTimeouts.sessionTimeoutMs),
    DEPENDENCY_BACKOFF_MS_MAX: "1000",
  };
}
