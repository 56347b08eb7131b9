/** Judges what a Postgres server says of itself, of this session and of its sessions. Pure. */
import { isLoopback } from "../../engine/observe/host_rule.ts";
import type { Horizon } from "../../engine/outbox/horizon.ts";
import { type Finding, not, right } from "./finding.ts";

/** The server, as one question tells it. */
export interface ServerFacts {
  /** Such as `150004`. */
  readonly versionNumber: number;
  readonly version: string;
  readonly database: string;
  readonly user: string;
  /** This session is encrypted. */
  readonly encrypted: boolean;
  readonly autovacuum: boolean;
  /** Transactions until the server refuses to write, of the database that is worst off. */
  readonly xidsLeft: number;
  /** Standbys that a commit waits for, by the setting; empty where it waits for none. */
  readonly synchronousStandbys: string;
  /** How many of them are connected; undefined where that is not told. */
  readonly standbysInSync?: number;
  /** Replication slots that nobody reads, and what they keep of the log, bytes. */
  readonly idleSlots: readonly { readonly name: string; readonly keptBytes: number }[];
  readonly databaseBytes: number;
}

const versionNumberMin = 130_000;
const xidsLeftMin = 200_000_000;
const keptBytesMax = 1024 ** 3;

/** Whether the server can be worked with as it is. */
export function judgeServer(server: ServerFacts): Finding[] {
  const findings: Finding[] = [];
  const version = server.versionNumber < versionNumberMin
    ? not(
      "wrong",
      "version",
      `PostgreSQL ${server.version} has no 64-bit transaction ids, which the outbox needs`,
      "use PostgreSQL 13 or later",
    )
    : right("version", `PostgreSQL ${server.version}, database ${server.database}`);
  if (!server.autovacuum) {
    findings.push(
      not(
        "warning",
        "autovacuum",
        "it is off: the outbox, which lives on deleted rows, grows and becomes slow",
        "alter system set autovacuum = on; select pg_reload_conf()",
      ),
    );
  }
  if (server.xidsLeft < xidsLeftMin) {
    findings.push(
      not(
        "wrong",
        "transaction ids",
        `${server.xidsLeft} are left until Postgres refuses to write`,
        "end what keeps old ones (long or prepared transactions, idle slots), then: vacuum freeze",
      ),
    );
  }
  if (server.synchronousStandbys !== "" && server.standbysInSync === 0) {
    findings.push(
      not(
        "wrong",
        "standbys",
        `synchronous_standby_names is ${server.synchronousStandbys}, and none of them is connected: every ` +
          "commit waits without end",
        "connect the standby, or: alter system reset synchronous_standby_names; select pg_reload_conf()",
      ),
    );
  }
  for (const { name, keptBytes } of server.idleSlots) {
    if (keptBytes < keptBytesMax) continue;
    findings.push(
      not(
        "warning",
        "disk",
        `replication slot ${name}, which nobody reads, keeps ${
          inBytes(keptBytes)
        } of the write-ahead log, ` +
          "and fills the disk",
        `connect its reader, or: select pg_drop_replication_slot(${literal(name)})`,
      ),
    );
  }
  return [version, ...findings];
}

/** Who may read along: how the address asks for encryption, and what this session has. */
export function judgeEncryption(
  address: { readonly hosts: readonly string[]; readonly ssl: unknown },
  encrypted: boolean,
): Finding {
  const subject = "encryption";
  const isNear = address.hosts.every((host) => host === "" || isLoopback(host));
  const verifies = typeof address.ssl === "object" && address.ssl !== null &&
    "rejectUnauthorized" in address.ssl && address.ssl.rejectUnauthorized === true;
  if (isNear) return right(subject, encrypted ? "TLS" : "none, and Postgres is on this host");
  const remedy = "add sslmode=verify-full&sslrootcert=FILE to DATABASE_URL";
  if (!encrypted) {
    const text = "none: whoever is on the way reads passwords and orders, and can change them";
    return not("warning", subject, text, remedy);
  }
  if (verifies) return right(subject, "TLS, and the server's certificate is checked");
  const text = "TLS, but nobody checks who the server is (sslmode of DATABASE_URL)";
  return not("warning", subject, text, remedy);
}

/** How many sessions there may be. Undefined where there is no limit of that kind. */
export interface ConnectionFacts {
  readonly free: number;
  readonly max: number;
  /** Of this user, and of this database, that are left. */
  readonly freeOfRole?: number;
  readonly freeOfDatabase?: number;
}

/** Whether one more process finds room. */
export function judgeConnections(facts: ConnectionFacts, perProcess: number): Finding {
  const subject = "connections";
  const [left, whose] = ([
    [facts.free, `max_connections leaves ${facts.max} to users like this`],
    [facts.freeOfRole ?? Infinity, "the connection limit of the user"],
    [facts.freeOfDatabase ?? Infinity, "the connection limit of the database"],
  ] as const).toSorted(([a], [b]) => a - b)[0] ?? [facts.free, ""];
  if (left >= perProcess) {
    return right(subject, `${left} are free; serve and worker open up to ${perProcess} each`);
  }
  return not(
    left < 1 ? "wrong" : "warning",
    subject,
    `${left} are free (${whose}), and each serve and worker opens up to ${perProcess} ` +
      "(DATABASE_CONNECTIONS_MAX): requests would be refused under load",
    "raise that limit, or lower DATABASE_CONNECTIONS_MAX, or end sessions that nobody needs",
  );
}

const horizonMsMax = 60_000;

/** Whether somebody's open transaction keeps the relay from going on. */
export function judgeHorizon({ ageMs, holder }: Horizon): Finding {
  const subject = "open writers";
  if (!holder || ageMs < horizonMsMax) {
    return right(
      subject,
      "no writing transaction is open for a minute: the outbox is not held back",
    );
  }
  const since = `for ${Math.round(ageMs / 1_000)} s`;
  const held = "the outbox hands on nothing that was written after its begin";
  if (holder.kind === "prepared") {
    return not(
      "wrong",
      subject,
      `the prepared transaction ${holder.gid} (database ${holder.database}, user ${holder.user}) is open ` +
        `${since}: ${held}`,
      `in that database: commit prepared ${literal(holder.gid)}, or: rollback prepared ${
        literal(holder.gid)
      }`,
    );
  }
  return not(
    "wrong",
    subject,
    `a writing transaction is open ${since}: ${held}; pid ${holder.pid}, ${holder.state}, application ` +
      `${holder.applicationName || "unnamed"}, user ${holder.user}, database ${holder.database}`,
    `let it end, or: select pg_terminate_backend(${holder.pid})`,
  );
}

/** As SQL writes a text. */
function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** In the unit that a person reads. */
export function inBytes(bytes: number): string {
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
