/** Turns our Kafka settings into the Java client's properties. Owns no connection. */

/** How to reach the cluster, as plain data; the composition root fills it from the settings. */
export interface LogReaderConnection {
  readonly brokers: readonly string[];
  /** TLS with the certificates that Java trusts, or with these in PEM. */
  readonly ssl: boolean | { readonly ca: string };
  readonly sasl?: {
    readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
    readonly username: string;
    readonly password: string;
  };
}

/**
 * The text of a `.properties` file for the independent reader. It holds the password, so it travels on standard input:
 * a command line or an environment can be read by others on the machine.
 */
export function clientProperties(
  connection: LogReaderConnection,
  requestTimeoutMs: number,
): string {
  const { brokers, ssl, sasl } = connection;
  const lines: [string, string][] = [
    ["bootstrap.servers", brokers.join(",")],
    ["client.id", "onceflow-verify"],
    ["security.protocol", `${sasl ? "SASL_" : ""}${ssl ? "SSL" : "PLAINTEXT"}`],
    ["default.api.timeout.ms", String(requestTimeoutMs)],
    ["request.timeout.ms", String(Math.min(requestTimeoutMs, 30_000))],
  ];
  if (typeof ssl === "object") {
    lines.push(["ssl.truststore.type", "PEM"], ["ssl.truststore.certificates", ssl.ca.trim()]);
  }
  if (sasl) {
    const login = sasl.mechanism === "plain"
      ? "org.apache.kafka.common.security.plain.PlainLoginModule"
      : "org.apache.kafka.common.security.scram.ScramLoginModule";
    lines.push(["sasl.mechanism", sasl.mechanism.toUpperCase()]);
    lines.push([
      "sasl.jaas.config",
      `${login} required username=${quoted(sasl.username)} password=${quoted(sasl.password)};`,
    ]);
  }
  return lines.map(([name, value]) => `${name}=${escaped(value)}\n`).join("");
}

/** A JAAS string: quotes and backslashes escaped. */
function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, (sign) => `\\${sign}`)}"`;
}

/** A properties value: the format reads backslashes as escapes and is Latin-1 at heart. */
function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll(
    /[^\x20-\x7e]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
