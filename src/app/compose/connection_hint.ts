/** Which setting to look at when a connection to Kafka fails before anything was asked. Pure. */

/** Begins with "; ", or is empty where nothing can be said. */
export function connectionHint({ name, message }: Error): string {
  const found = hints.find(([pattern]) => pattern.test(message));
  if (found) return `; ${found[1]}`;
  if (name !== "KafkaJSConnectionClosedError") return "";
  return `; ${hungUp}`;
}

/** A listener that speaks otherwise than we do only hangs up, and may do so before its reason was read. */
const hungUp =
  "a listener that hangs up at once may want TLS, a login, or a certificate of ours: " +
  "KAFKA_SSL, KAFKA_SASL_MECHANISM, KAFKA_SSL_CERT";

const hints: readonly (readonly [RegExp, string])[] = [
  [/altnames/i, "KAFKA_SSL_SERVER_NAME says by which name its certificate is to be checked"],
  [
    /alert.*certificate|CertificateRequired|BadCertificate/i,
    "it wants a certificate of ours that it trusts: KAFKA_SSL_CERT and KAFKA_SSL_KEY",
  ],
  [/certificate/i, "KAFKA_SSL_CA names an authority of your own to trust"],
  [/write after end|EPIPE|ECONNRESET/, hungUp],
  [/TLS|SSL/i, "does that listener speak TLS, as KAFKA_SSL says?"],
];
