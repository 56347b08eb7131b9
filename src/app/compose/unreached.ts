/** Says of an error that a service was not reached: where it was looked for, and which setting names that place. */
import { DependencyDownError, HaltError } from "../../engine/core/errors.ts";
import { verdictOf } from "../../engine/kafka/error_verdict.ts";
import { TokenUnreachedError } from "../../engine/kafka/oauth_token.ts";
import { refusedLogin } from "../../engine/kafka/refused_login.ts";
import { asDependencyDown, shownReason } from "../../engine/postgres/translate_error.ts";
import { connectionHint } from "./connection_hint.ts";
import type { Services } from "./services.ts";

/** The message says it all: which service, where, which setting, and what was answered. No password is in it. */
export class UnreachedError extends Error {
  override name = "UnreachedError";
  /** What of it may be shown to whoever asks for readiness: without the place. */
  readonly shown: string | undefined;

  constructor(message: string, { shown, ...options }: ErrorOptions & { shown?: string } = {}) {
    super(message, options);
    this.shown = shown;
  }
}

/** It was reached, and let us not in. No retry changes that. */
export class LoginRefusedError extends UnreachedError {
  override name = "LoginRefusedError";
}

/** Where a service was looked for. */
export interface Place {
  /** `host:port`, or several. */
  readonly address: string;
  /** Who says so, such as `KAFKA_BROKERS`. */
  readonly setting: string;
}

/** `host:port` and the database of a `postgres://` address. */
export function databasePlace(databaseUrl: string): string {
  const { hostname, port, pathname } = URL.parse(databaseUrl) ?? {};
  return hostname ? `${hostname}:${port || 5432}${pathname ?? ""}` : "the address given";
}

/** The error as one of the service that was not reached, with the place where these services say it is. */
export function unreached(
  name: "kafka" | "postgres",
  services: Services,
  error: unknown,
): UnreachedError | undefined {
  const place = placeOf(name, services);
  return name === "kafka" ? unreachedKafka(error, place) : unreachedPostgres(error, place);
}

/** What to say of a service that takes connections, or packets, and answers nothing. */
export function unanswered(
  name: "kafka" | "postgres",
  services: Services,
  afterMs: number,
): string {
  const { address, setting } = placeOf(name, services);
  return `${
    name === "kafka" ? "Kafka" : "Postgres"
  } at ${address} (${setting}) has not answered in ` +
    `${
      afterMs / 1000
    } s: is it frozen or overloaded, or does a network in between swallow what is sent?`;
}

function placeOf(name: "kafka" | "postgres", { kafka, databaseUrl, embedded }: Services): Place {
  const setting = (own: string) => embedded ? "the embedded stack: deno task stack" : own;
  return name === "kafka"
    ? { address: kafka.brokers.join(", "), setting: setting("KAFKA_BROKERS") }
    : { address: databasePlace(databaseUrl), setting: setting("DATABASE_URL") };
}

/** The error in these words when Kafka was not reached, or gave no answer that can be gone on with; else undefined. */
export function unreachedKafka(error: unknown, place: Place): UnreachedError | undefined {
  if (error instanceof HaltError || error instanceof TypeError) return undefined;
  const login = refusedLogin(error);
  if (login !== undefined) {
    const text = `Kafka at ${place.address} (${place.setting}) ${login}`;
    return new LoginRefusedError(text, { cause: error });
  }
  if (verdictOf(error) === "fatal") return undefined;
  const said = [...chainOf(error)].find(({ name }) => name.startsWith("KafkaJS"));
  if (!said) return undefined;
  if (said instanceof TokenUnreachedError) {
    const text = `Cannot log in to Kafka at ${place.address} (${place.setting}): ${said.message}`;
    return new UnreachedError(text, { cause: error });
  }
  return new UnreachedError(
    `Cannot reach Kafka at ${place.address} (${place.setting}): is it running, and is that its address? (${said.message}` +
      `${connectionHint(said)})`,
    { cause: error },
  );
}

/** The same for Postgres. A refused password and a database that is not there are no matter of waiting. */
export function unreachedPostgres(error: unknown, place: Place): UnreachedError | undefined {
  const down = asDependencyDown(error);
  if (!down || down.dependency !== "postgres") return undefined;
  const shown = shownReason(down);
  return new UnreachedError(`Postgres at ${place.address} (${place.setting}): ${down.message}`, {
    ...(shown !== undefined && { shown }),
    cause: error,
  });
}

/** True when waiting may help: it is not the user, the password, the database's name or the schema that is wrong. */
export function mayComeBack(error: unknown): boolean {
  if (error instanceof LoginRefusedError) return false;
  const down = [...chainOf(error)].find((cause) => cause instanceof DependencyDownError);
  const code = down?.cause instanceof Error && "code" in down.cause ? String(down.cause.code) : "";
  return !/^(28...|3D000|42...)$/.test(code);
}

function* chainOf(error: unknown): Generator<Error> {
  for (let at = error, depth = 0; at instanceof Error && depth < 10; at = at.cause, depth++) {
    yield at;
    if (at instanceof AggregateError) yield* at.errors.filter((each) => each instanceof Error);
  }
}
