/** Reads `DATABASE_URL` as libpq does, into the driver's options. Never connects, never looks into the environment. */
import { readFileSync } from "node:fs";
import { hostsOf, identityCheck } from "./server_identity.ts";
import { pinnedSettings } from "./session_settings.ts";
import { redact } from "./translate_error.ts";

/** What an address says. */
export interface Address {
  /** The address without its words: host, port, user, password, database. */
  readonly url: string;
  /** Options of the driver. */
  readonly driver: Readonly<Record<string, unknown>>;
  /** Settings for the server, sent when a connection is opened. */
  readonly server: Readonly<Record<string, string>>;
}

type Words = ReadonlyMap<string, string>;

/**
 * Takes an address apart. Words that libpq knows are understood, or refused by name; words of the driver
 * (`max_lifetime`, `idle_timeout`, `prepare` and the like) go to the driver; all others are settings of the server.
 *
 * @throws {TypeError} when the address cannot be read, or a word in it cannot be followed; its password is not in the message
 */
export function readAddress(text: string): Address {
  const url = parse(text);
  const words: Words = new Map(url.searchParams);
  const driver: Record<string, unknown> = { ...plainOptions };
  const server: Record<string, string> = {};
  for (const [name, value] of words) {
    const refused = refusal(name, value);
    if (refused) throw new TypeError(`Cannot follow ${name}=${value} in DATABASE_URL: ${refused}`);
    if (name in plainOptions && !(name in understood)) driver[name] = driverValue(value);
    else if (!(name in understood)) server[name] = value;
  }
  const timeout = words.get("connect_timeout");
  // libpq: 0 waits for ever, and nothing here does; 1 is rounded up to 2.
  if (timeout && Number(timeout) > 0) driver.connect_timeout = Math.max(2, Number(timeout));
  if (words.get("keepalives") === "0") driver.keep_alive = 0;
  else if (words.has("keepalives_idle")) driver.keep_alive = Number(words.get("keepalives_idle"));
  const session = words.get("target_session_attrs");
  if (session && session !== "any") driver.target_session_attrs = session;
  const name = words.get("application_name") ?? words.get("fallback_application_name");
  if (name) server.application_name = name;
  const options = words.get("options");
  if (options) server.options = options;
  Object.assign(driver, encryption(words, hostsOf(text)));
  if (!url.port) driver.port = 5432;
  if (!url.password) driver.password = () => "";
  if (url.pathname.length < 2) driver.database = decodeURIComponent(url.username);
  return { url: text.replace(/\?.*$/s, ""), driver, server };
}

/** Everything that the driver would otherwise look up in the environment (PGHOST and the like). */
const plainOptions: Readonly<Record<string, unknown>> = {
  ssl: false,
  sslnegotiation: null,
  idle_timeout: null,
  max_lifetime: 45 * 60,
  max_pipeline: 100,
  keep_alive: 15,
  prepare: true,
  debug: false,
  fetch_types: false,
  publications: "alltables",
  target_session_attrs: null,
};

function driverValue(value: string): unknown {
  if (value === "true" || value === "false") return value === "true";
  return /^\d+$/.test(value) ? Number(value) : value;
}

const anything = () => undefined;
const only = (...values: string[]) => (value: string) =>
  values.includes(value) ? undefined : `it may be ${values.join(", ")} here`;
const number = (value: string) => /^\d+$/.test(value) ? undefined : "it must be a whole number";

/** Words that libpq knows and that are followed here: what is wrong with a value of each. */
const understood: Readonly<Record<string, (value: string) => string | undefined>> = {
  sslmode: only("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
  sslrootcert: anything,
  sslcert: anything,
  sslkey: anything,
  sslnegotiation: only("postgres", "direct"),
  sslcompression: only("0"),
  sslsni: only("1"),
  application_name: anything,
  fallback_application_name: anything,
  options: anything,
  connect_timeout: number,
  keepalives: only("0", "1"),
  keepalives_idle: number,
  client_encoding: only("UTF8", "utf8", "UTF-8", "utf-8", "auto"),
  target_session_attrs: only("any", "read-write", "primary"),
  channel_binding: only("disable", "prefer"),
  gssencmode: only("disable", "prefer"),
  load_balance_hosts: only("disable"),
};

const inTheAddress = "say it in the address itself: postgres://user:password@host:port/database";
const notHere = "this driver cannot do it; leave it out";

/** Words that libpq knows and nothing here follows. */
const refusedWords: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ["host", "port", "user", "password", "dbname"].map((name) => [name, inTheAddress]),
  ),
  hostaddr: "write the number in the place of the host's name",
  passfile: "write the password into the address",
  service: "there is no service file here; write host, port, user and database into the address",
  servicefile:
    "there is no service file here; write host, port, user and database into the address",
  sslpassword: "give a key without a passphrase as sslkey",
  replication: "leave it out; the outbox is read by statements",
  tcp_user_timeout: "leave it out; keepalives_idle is followed",
  keepalives_interval: "leave it out; keepalives_idle is followed",
  keepalives_count: "leave it out; keepalives_idle is followed",
  ...Object.fromEntries(
    [
      ...["require_auth", "requirepeer", "sslcertmode", "sslcrl", "sslcrldir", "sslkeylogfile"],
      ...["ssl_min_protocol_version", "ssl_max_protocol_version", "min_protocol_version"],
      ...["max_protocol_version", "krbsrvname", "gsslib", "gssdelegation", "scram_client_key"],
      ...[
        "scram_server_key",
        "oauth_issuer",
        "oauth_client_id",
        "oauth_client_secret",
        "oauth_scope",
      ],
    ].map((name) => [name, notHere]),
  ),
};

function refusal(name: string, value: string): string | undefined {
  const check = understood[name];
  if (check) return check(value);
  if (name.toLowerCase() in pinnedSettings) {
    return `onceflow needs it to be ${pinnedSettings[name.toLowerCase()]}; leave it out`;
  }
  return refusedWords[name];
}

/** The words about TLS as options of the driver. */
function encryption(words: Words, hosts: readonly string[]): Record<string, unknown> {
  const root = words.get("sslrootcert");
  const mode = words.get("sslmode") ?? (root === "system" ? "verify-full" : undefined);
  const given: Record<string, unknown> = {};
  if (words.get("sslnegotiation") === "direct") given.sslnegotiation = "direct";
  if (words.has("ssl") && mode === undefined) return given;
  if (mode === undefined || mode === "disable") return { ...given, ssl: false };
  const cert = words.get("sslcert");
  const key = words.get("sslkey");
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError("Cannot follow DATABASE_URL: sslcert and sslkey go together");
  }
  // As in libpq: with a root certificate at hand, `require` checks the server's as `verify-ca` does.
  const verifies = mode.startsWith("verify-") || (mode === "require" && root !== undefined);
  // The driver's own `allow` gives up where the server has no TLS.
  if (!verifies && cert === undefined) return { ...given, ssl: mode === "allow" ? "prefer" : mode };
  return {
    ...given,
    ssl: {
      rejectUnauthorized: verifies,
      checkServerIdentity: mode === "verify-full" ? identityCheck(hosts) : () => undefined,
      ...(root !== undefined && root !== "system" && { ca: readPem("sslrootcert", root) }),
      ...(cert !== undefined && { cert: readPem("sslcert", cert) }),
      ...(key !== undefined && { key: readPem("sslkey", key) }),
    },
  };
}

function readPem(word: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TypeError(`Cannot read ${word}=${path} of DATABASE_URL: ${reason}`, { cause: error });
  }
}

function parse(text: string): URL {
  try {
    // Several hosts (`a:1,b:2`) are a list for the driver; one of them is enough to read the rest.
    return new URL(text.replace(/(@|\/\/)([^@/?,]+),[^/?]*/, "$1$2"));
  } catch {
    // No cause: the platform's error quotes the address with its password.
    throw new TypeError(
      `Cannot read the database address ${redact(text)}: not a postgres:// address`,
    );
  }
}
