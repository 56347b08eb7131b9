/** How connections to Kafka are encrypted, and how kafkajs is told. */

/** TLS with what is said here. Certificates and keys are PEM. */
export interface KafkaTls {
  /** Whom to trust, in the place of the system's authorities. */
  readonly ca?: string;
  /** The client's own certificate (and those between it and its authority), with its key: mutual TLS. */
  readonly cert?: string;
  /** The key of `cert`, without a passphrase. */
  readonly key?: string;
  /** The name that the brokers' certificates have, where it is not that of their address. */
  readonly serverName?: string;
}

/** The same as options of `node:tls`; undefined for a plain connection. */
export function tlsOptions(ssl: boolean | KafkaTls): object | undefined {
  if (typeof ssl === "boolean") return ssl ? {} : undefined;
  const { ca, cert, key, serverName } = ssl;
  return {
    ...(ca !== undefined && { ca: [ca] }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(serverName !== undefined && { servername: serverName }),
  };
}
