/** Turns the driver's errors into the engine's three ways of failing. Never decides what to do about them. */
import { DependencyDownError, TransientError } from "../core/errors.ts";

/** Driver and socket codes of a connection that was there and went away. */
const lostCodes = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_DESTROYED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ENOTCONN",
]);

/** Driver and socket codes of a server that was never reached. */
const unreachedCodes = new Set([
  "CONNECTION_ENDED",
  "CONNECT_TIMEOUT",
  "ECONNREFUSED",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENETDOWN",
  "ENOTFOUND",
  "EAI_AGAIN",
]);

/** Node's codes for a certificate that is not trusted, not of that name, or not valid now (OpenSSL's X509_V_ERR_*). */
const certificateCodes = new Set([
  ...["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "UNABLE_TO_GET_ISSUER_CERT", "CERT_UNTRUSTED"],
  ...["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "SELF_SIGNED_CERT_IN_CHAIN", "CERT_REJECTED"],
  ...["DEPTH_ZERO_SELF_SIGNED_CERT", "CERT_SIGNATURE_FAILURE", "CERT_HAS_EXPIRED"],
  ...["CERT_NOT_YET_VALID", "INVALID_CA", "INVALID_PURPOSE", "ERR_TLS_CERT_ALTNAME_INVALID"],
]);

/**
 * The error as a {@linkcode DependencyDownError} when it says something about the database and nothing about the
 * statement; undefined otherwise. No record may be blamed for one of these.
 */
export function asDependencyDown(error: unknown): DependencyDownError | undefined {
  if (error instanceof DependencyDownError) return error;
  const code = codeOf(error);
  if (code === undefined) return undefined;
  const said = redact(error instanceof Error ? error.message : String(error));
  const advice = wordFor(said) ?? adviceFor(code);
  if (advice === undefined) return undefined;
  return new DependencyDownError("postgres", `${advice} (${code}: ${said})`, { cause: error });
}

/**
 * The driver's error as core's: {@linkcode DependencyDownError} when Postgres cannot serve anyone,
 * {@linkcode TransientError} when the same statement may succeed if it is run again, otherwise the error itself.
 * A connection that is lost during COMMIT is among the former: its outcome is unknown to the caller.
 */
export function translateError(error: unknown): unknown {
  const down = asDependencyDown(error);
  if (down) return down;
  const reason = transientReasons[codeOf(error) ?? ""];
  if (reason === undefined) return error;
  const said = redact(error instanceof Error ? error.message : String(error));
  return new TransientError(`Postgres gave the statement up: ${reason} (${said}); run it again`, {
    cause: error,
  });
}

/** What an error of Postgres as a whole says to whoever asks for readiness: no place, user or text of the server is in it. */
export function shownReason(error: unknown): string | undefined {
  const code = codeOf(error instanceof DependencyDownError ? error.cause : error);
  return code === undefined ? undefined : adviceFor(code);
}

/**
 * The same where a person must change something first (a right, the schema, a login), which the server's own condition does
 * not say; undefined for what passes, and for a server that takes no writes.
 */
export function toBeMended(error: unknown): string | undefined {
  const code = codeOf(error instanceof DependencyDownError ? error.cause : error);
  return code !== undefined && /^(42|3F|3D|28)/.test(code) ? adviceFor(code) : undefined;
}

/** True for an error, translated or not, that says: this user may not do that. */
export function isRefused(error: unknown): boolean {
  const first = error instanceof DependencyDownError ? error.cause : error;
  return codeOf(first) === "42501"; // insufficient_privilege
}

/** Runs `work` and throws what it throws in core's words. */
export async function translatingErrors<T>(work: () => PromiseLike<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw translateError(error);
  }
}

/** Takes passwords out of any text that may quote a connection string or a key-value one. */
export function redact(text: string): string {
  return text
    .replace(/(\w+:\/\/[^:/?#\s@]*):.*@/g, "$1:[redacted]@")
    .replace(/(password\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s&]+)/gi, "$1[redacted]");
}

/** SQLSTATEs after which the same transaction may succeed: another one was in its way. */
const transientReasons: Readonly<Record<string, string>> = {
  "40001": "a concurrent transaction changed what it read",
  "40P01": "it was chosen to end a deadlock",
  "55P03": "a lock was not free within lock_timeout",
  "57014": "it ran longer than statement_timeout, or was cancelled",
  "25P03": "it stood idle in its transaction for too long",
};

/** Where the code alone says too little. */
function wordFor(said: string): string | undefined {
  // What Node says where the other side hangs up in the middle of the handshake.
  if (said.includes("before secure TLS connection was established")) {
    return "Postgres hung up before TLS was agreed: does it speak TLS, as sslmode in DATABASE_URL says?";
  }
  if (said.includes("unsupported startup parameter")) {
    return "A connection pooler stands before Postgres and refuses what every session is opened with: " +
      'DATABASE_URL must name Postgres itself, or a pool in session mode set up as "deno task doctor" says';
  }
  return undefined;
}

function adviceFor(code: string): string | undefined {
  if (code === "CONNECTION_DESTROYED") {
    return "Postgres did not answer on a connection, which was given up: is it frozen, and does DATABASE_URL name it?";
  }
  if (lostCodes.has(code)) return "The connection to Postgres was lost";
  if (unreachedCodes.has(code)) {
    return "Cannot reach Postgres: is it running, and does DATABASE_URL name it?";
  }
  if (certificateCodes.has(code)) {
    return "The certificate of Postgres is not trusted: sslrootcert in DATABASE_URL names its authority, and for " +
      "sslmode=verify-full its name must be the host of DATABASE_URL";
  }
  switch (code) {
    case "57P01": // admin_shutdown
    case "57P02": // crash_shutdown
      return "Postgres is shutting down: waiting until it is back";
    case "57P03": // cannot_connect_now
      return "Postgres is starting up or recovering: waiting until it accepts connections";
    case "57P04": // database_dropped
    case "3D000": // invalid_catalog_name
      return "Postgres has no such database: create it, or correct DATABASE_URL";
    case "3F000": // invalid_schema_name
      return "No schema of search_path is there: create it, or set search_path for the user or the database of DATABASE_URL";
    case "25006": // read_only_sql_transaction: connected to a standby, or the primary was demoted
      return "Postgres is read-only here: DATABASE_URL must name the primary, and default_transaction_read_only be off for " +
        "its user and database";
    case "42P01": // undefined_table
    case "42883": // undefined_function
    case "42703": // undefined_column
      return "The schema in Postgres is missing or older than this program: deno task migrate brings it up to date; or " +
        "search_path of the user of DATABASE_URL does not lead to it: set it (alter role ... set search_path ...)";
    case "42501": // insufficient_privilege: of no record, and granted by an operator while one waits
      return 'The user of DATABASE_URL lacks a right in Postgres (src/rights.md, "Rights in Postgres")';
  }
  switch (code.length === 5 ? code.slice(0, 2) : "") {
    case "08": // connection_exception
      return "The connection to Postgres failed";
    case "28": // invalid_authorization_specification
      return "Postgres refused the user or the password of DATABASE_URL";
    case "53": // insufficient_resources: connections, memory, disk. Nobody's record is at fault
      return "Postgres has run out of connections, memory or disk";
    case "58": // system_error: an I/O error outside Postgres
    case "XX": // internal_error: data corruption among them
      return "Postgres reports a fault of its own";
  }
}

/** The code of the server's or the system's error; undefined where there is none. */
export function codeOf(error: unknown): string | undefined {
  if (error instanceof AggregateError) {
    // A host with several addresses fails once for each.
    return error.errors.map(codeOf).find((code) => code !== undefined);
  }
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
