/** Which settings need, or shut out, each other. Pure. */

interface Together {
  readonly KAFKA_BROKERS?: unknown;
  readonly DATABASE_URL?: unknown;
  readonly KAFKA_SSL: boolean;
  readonly KAFKA_SSL_CA?: string;
  readonly KAFKA_SASL_MECHANISM?: string;
  readonly KAFKA_SASL_USERNAME?: string;
  readonly KAFKA_SASL_PASSWORD?: unknown;
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
  const { KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD } = value;
  if (KAFKA_SASL_MECHANISM && !(KAFKA_SASL_USERNAME && KAFKA_SASL_PASSWORD)) {
    refuse("KAFKA_SASL_MECHANISM", "needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD beside it");
  }
  if (!KAFKA_SASL_MECHANISM && (KAFKA_SASL_USERNAME || KAFKA_SASL_PASSWORD)) {
    refuse(
      "KAFKA_SASL_MECHANISM",
      "is missing beside KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD: nobody would log in",
    );
  }
  if (value.KAFKA_SSL_CA && !value.KAFKA_SSL) {
    refuse("KAFKA_SSL_CA", "needs KAFKA_SSL=true beside it");
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
