/** Turns our Kafka settings into the Java client's properties. Owns no connection. */

/** How to reach the cluster, as plain data; the composition root fills it from the settings. */
export interface LogReaderConnection {
  readonly brokers: readonly string[];
  /** TLS with the certificates that Java trusts, or with these in PEM; `key` is PKCS 8 without a passphrase. */
  readonly ssl: boolean | {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly serverName?: string;
  };
  readonly sasl?:
    | { readonly mechanism: string; readonly username: string; readonly password: string }
    | {
      readonly mechanism: "oauthbearer";
      readonly tokenEndpoint: string;
      readonly clientId: string;
      readonly clientSecret: string;
      readonly scope?: string;
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
  if (typeof ssl === "object") lines.push(...encryption(ssl));
  if (sasl) lines.push(...login(sasl));
  return lines.map(([name, value]) => `${name}=${escaped(value)}\n`).join("");
}

/** Where Java may fetch tokens: since Kafka 4 it asks to be told on its command line. */
export function javaOptions({ sasl }: LogReaderConnection): string[] {
  if (!sasl || !("tokenEndpoint" in sasl)) return [];
  const prefix = "-Dorg.apache.kafka.sasl.oauthbearer.allowed";
  return [`${prefix}.urls=${sasl.tokenEndpoint}`, `${prefix}.files=${sasl.tokenEndpoint}`];
}

function* encryption(
  { ca, cert, key, serverName }: Exclude<LogReaderConnection["ssl"], boolean>,
): Generator<[string, string]> {
  if (ca !== undefined) {
    yield ["ssl.truststore.type", "PEM"];
    yield ["ssl.truststore.certificates", ca.trim()];
  }
  if (cert !== undefined && key !== undefined) {
    yield ["ssl.keystore.type", "PEM"];
    yield ["ssl.keystore.certificate.chain", cert.trim()];
    yield ["ssl.keystore.key", key.trim()];
  }
  // Java's client knows no other name than that of the address: it checks the authority alone then.
  if (serverName !== undefined) yield ["ssl.endpoint.identification.algorithm", ""];
}

function* login(sasl: NonNullable<LogReaderConnection["sasl"]>): Generator<[string, string]> {
  const security = "org.apache.kafka.common.security";
  const jaas = (module: string, options: Readonly<Record<string, string>>) => {
    const words = Object.entries(options).map(([name, value]) => ` ${name}=${quoted(value)}`);
    return `${security}.${module} required${words.join("")};`;
  };
  yield ["sasl.mechanism", sasl.mechanism.toUpperCase()];
  if ("username" in sasl) {
    const module = sasl.mechanism === "plain" ? "plain.PlainLoginModule" : "scram.ScramLoginModule";
    const { username, password } = sasl;
    yield ["sasl.jaas.config", jaas(module, { username, password })];
    return;
  }
  const { tokenEndpoint, clientId, clientSecret, scope } = sasl;
  yield ["sasl.oauthbearer.token.endpoint.url", tokenEndpoint];
  // As RFC 6749 has it, and our own client: a secret may have any sign in it.
  yield ["sasl.oauthbearer.header.urlencode", "true"];
  yield [
    "sasl.login.callback.handler.class",
    `${security}.oauthbearer.OAuthBearerLoginCallbackHandler`,
  ];
  const options = { clientId, clientSecret, ...(scope !== undefined && { scope }) };
  yield ["sasl.jaas.config", jaas("oauthbearer.OAuthBearerLoginModule", clientId ? options : {})];
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
