/** Which settings need, or shut out, each other. Pure. */

interface Together {
  readonly KAFKA_BROKERS?: unknown;
  readonly DATABASE_URL?: unknown;
  readonly KAFKA_SSL: boolean;
  readonly KAFKA_SSL_CA?: string;
  readonly KAFKA_SSL_CERT?: string;
  readonly KAFKA_SSL_KEY?: string;
  readonly KAFKA_SSL_KEY_PASSPHRASE?: unknown;
  readonly KAFKA_SSL_SERVER_NAME?: string;
  readonly KAFKA_SASL_MECHANISM?: string;
  readonly KAFKA_SASL_USERNAME?: string;
  readonly KAFKA_SASL_PASSWORD?: unknown;
  readonly KAFKA_OAUTH_TOKEN_ENDPOINT?: string;
  readonly KAFKA_OAUTH_CLIENT_ID?: string;
  readonly KAFKA_OAUTH_CLIENT_SECRET?: unknown;
  readonly KAFKA_OAUTH_SCOPE?: string;
  readonly STACK_KAFKA_PORT: number;
  readonly STACK_POSTGRES_PORT: number;
}

/** One thing that does not fit, and the setting to change. */
export interface Conflict {
  readonly setting: string;
  readonly message: string;
}

/** Everything that does not fit together. */
export function conflictsOf(value: Together): Conflict[] {
  const found: Conflict[] = [];
  const refuse = (setting: string, message: string) => found.push({ setting, message });
  refuseLogin(value, refuse);
  const ofTls = ["CA", "CERT", "KEY", "KEY_PASSPHRASE", "SERVER_NAME"] as const;
  for (const word of ofTls) {
    const setting = `KAFKA_SSL_${word}` as const;
    if (value[setting] && !value.KAFKA_SSL) refuse(setting, "needs KAFKA_SSL=true beside it");
  }
  if (Boolean(value.KAFKA_SSL_CERT) !== Boolean(value.KAFKA_SSL_KEY)) {
    const missing = value.KAFKA_SSL_CERT ? "KAFKA_SSL_KEY" : "KAFKA_SSL_CERT";
    refuse(missing, "is missing: a client's certificate and its key go together");
  }
  if (value.KAFKA_SSL_KEY_PASSPHRASE && !value.KAFKA_SSL_KEY) {
    refuse("KAFKA_SSL_KEY_PASSPHRASE", "needs KAFKA_SSL_KEY beside it");
  }
  if (value.STACK_KAFKA_PORT === value.STACK_POSTGRES_PORT) {
    refuse("STACK_KAFKA_PORT", "must be another port than STACK_POSTGRES_PORT");
  }
  if ((value.KAFKA_BROKERS === undefined) !== (value.DATABASE_URL === undefined)) {
    refuse(
      value.KAFKA_BROKERS === undefined ? "KAFKA_BROKERS" : "DATABASE_URL",
      "set both KAFKA_BROKERS and DATABASE_URL for your own services, or neither for the embedded stack",
    );
  }
  return found;
}

function refuseLogin(
  value: Together,
  refuse: (setting: string, message: string) => void,
): void {
  const { KAFKA_SASL_MECHANISM: mechanism, KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD } = value;
  const endpoint = value.KAFKA_OAUTH_TOKEN_ENDPOINT;
  const name = "KAFKA_SASL_MECHANISM";
  if (mechanism === "oauthbearer") {
    if (!endpoint) refuse(name, "needs KAFKA_OAUTH_TOKEN_ENDPOINT beside it");
    else if (
      !endpoint.startsWith("file:") &&
      !(value.KAFKA_OAUTH_CLIENT_ID && value.KAFKA_OAUTH_CLIENT_SECRET)
    ) refuse(name, "needs KAFKA_OAUTH_CLIENT_ID and KAFKA_OAUTH_CLIENT_SECRET beside it");
    return;
  }
  if (endpoint || value.KAFKA_OAUTH_CLIENT_ID || value.KAFKA_OAUTH_CLIENT_SECRET) {
    refuse(name, "must be oauthbearer beside the KAFKA_OAUTH_ settings");
  }
  if (mechanism && !(KAFKA_SASL_USERNAME && KAFKA_SASL_PASSWORD)) {
    refuse(name, "needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD beside it");
  }
  if (!mechanism && (KAFKA_SASL_USERNAME || KAFKA_SASL_PASSWORD)) {
    refuse(
      name,
      "is missing beside KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD: nobody would log in",
    );
  }
}
