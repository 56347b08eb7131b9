/** The settings of the processes under torture: small batches and short time-outs, so that faults meet many transactions. */
import type { Guarantee } from "../config.ts";
import type { PrivateCluster } from "./private_cluster.ts";

/** Stops are shorter and longer than each of these, milliseconds. */
export const tortureTimeouts = { transactionTimeoutMs: 3_000, sessionTimeoutMs: 6_000 } as const;

/** The environment of every process of a run. */
export function tortureEnvironment(options: {
  readonly cluster: PrivateCluster;
  readonly httpPort: number;
  readonly guarantee: Guarantee;
}): Record<string, string> {
  const { cluster, httpPort, guarantee } = options;
  return {
    KAFKA_BROKERS: cluster.proxiedBrokers.join(","),
    DATABASE_URL: cluster.databaseUrl,
    DATABASE_CONNECTIONS_MAX: "5",
    HTTP_PORT: String(httpPort),
    GUARANTEE: guarantee,
    TOPIC_PARTITIONS: "3",
    OUTBOX_SHARDS: "2",
    RELAY_BATCH_RECORDS_MAX: "20",
    BATCH_RECORDS_MAX: "20",
    // Several produce requests in a transaction, even to one partition.
    REQUEST_BYTES_MAX: "2048",
    TRANSACTION_TIMEOUT_MS: String(tortureTimeouts.transactionTimeoutMs),
    SESSION_TIMEOUT_MS: String(tortureTimeouts.sessionTimeoutMs),
    DEPENDENCY_BACKOFF_MS_MAX: "1000",
    ...passedOn("PATH", "HOME", "DENO_DIR", "NO_COLOR"),
  };
}

function passedOn(...names: string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = Deno.env.get(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
