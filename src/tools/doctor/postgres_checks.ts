/** The checks of Postgres, in the order in which they are listed. Each only asks. */
import { namespacesOf } from "../../app/compose/agree_on_namespace.ts";
import { migrations, missingFromSchema, viewsOf } from "../../app/compose/prepare_schema.ts";
import type { Config } from "../../config.ts";
import { HaltError } from "../../engine/core/errors.ts";
import { horizon } from "../../engine/outbox/horizon.ts";
import { readAddress } from "../../engine/postgres/address.ts";
import { openDatabase } from "../../engine/postgres/database.ts";
import { refusePooler } from "../../engine/postgres/refuse_pooler.ts";
import { hostsOf } from "../../engine/postgres/server_identity.ts";
import { checkSessionSettings } from "../../engine/postgres/session_settings.ts";
import type { Queryable, Sql } from "../../engine/postgres/sql.ts";
import { whyNoWrites } from "../../engine/postgres/takes_writes.ts";
import { translatingErrors } from "../../engine/postgres/translate_error.ts";
import { findInstalled } from "../../engine/projection/install_projection.ts";
import { fromHalt } from "./explain.ts";
import { type Finding, not, right, splitRemedy } from "./finding.ts";
import {
  inBytes,
  judgeConnections,
  judgeEncryption,
  judgeHorizon,
  judgeServer,
} from "./judge_postgres.ts";
import { judgeClock } from "./judge_hosts.ts";
import { judgeNamespace, judgeSchema, judgeShards } from "./judge_schema.ts";
import {
  onlyReading,
  readClock,
  readConnections,
  readSchema,
  readServer,
  readShards,
  type SchemaFacts,
} from "./read_postgres.ts";
import { judgeGrants } from "./judge_rights.ts";
import { grantsIn, missingGrants } from "./read_grants.ts";
import { type DoctorRole, doctorRoles } from "./role_rights.ts";
import type { Check } from "./run_checks.ts";

/** What the checks work with. */
export interface PostgresPlace {
  readonly sql: Sql;
  readonly databaseUrl: string;
  readonly config: Config;
  /** Whose rights are judged; those of all, as warnings, where absent. */
  readonly roles?: readonly DoctorRole[];
}

/** Once Postgres was reached. */
export function postgresChecks(place: PostgresPlace): readonly Check[] {
  const { sql, databaseUrl, config, roles } = place;
  const ask = (subject: string, look: (tx: Queryable) => Promise<readonly Finding[]>): Check => ({
    subject,
    look: () => onlyReading(sql, look),
  });
  return [
    ask("version", async (tx) => {
      const server = await readServer(tx);
      const { ssl } = readAddress(databaseUrl).driver;
      const address = { hosts: hostsOf(databaseUrl), ssl };
      return [
        ...judgeServer(server),
        judgeEncryption(address, server.encrypted),
        not(
          "not_told",
          "disk",
          `the database takes ${
            inBytes(server.databaseBytes)
          }; how much its disk has left Postgres tells nobody`,
          "watch the disk of its host",
        ),
      ];
    }),
    { subject: "sessions", look: () => lookAtSessions(databaseUrl) },
    { subject: "session settings", look: () => lookAtSettings(sql) },
    { subject: "writes", look: () => lookAtWrites(databaseUrl) },
    ask("clock", lookAtClock),
    ask("connections", async (tx) => [
      judgeConnections(await readConnections(tx), config.DATABASE_CONNECTIONS_MAX),
    ]),
    ask("schema", (tx) => lookAtSchema(tx, config)),
    ask("rights", (tx) => lookAtRights(tx, roles)),
    ask("open writers", async (tx) => [judgeHorizon(await horizon(tx))]),
  ];
}

async function unlessHalted(
  subject: string,
  good: string,
  check: () => Promise<void>,
): Promise<Finding[]> {
  try {
    await check();
    return [right(subject, good)];
  } catch (error) {
    if (!(error instanceof HaltError)) throw error;
    return [fromHalt(subject, error)];
  }
}

function lookAtSessions(databaseUrl: string): Promise<Finding[]> {
  const good = "each connection keeps a session of its own";
  return unlessHalted("sessions", good, () => refusePooler(databaseUrl));
}

function lookAtSettings(sql: Sql): Promise<Finding[]> {
  const good = "what must hold in each session does, and what is committed is durable";
  return unlessHalted("session settings", good, () => checkSessionSettings(sql));
}

async function lookAtClock(tx: Queryable): Promise<Finding[]> {
  const askedAtMs = Date.now();
  const theirsMs = await readClock(tx);
  return [judgeClock("Postgres", { theirsMs, askedAtMs, answeredAtMs: Date.now() })];
}

/** In a session of its own, since one that takes no writes is thrown away. */
async function lookAtWrites(databaseUrl: string): Promise<Finding[]> {
  const subject = "writes";
  await using own = openDatabase(databaseUrl, {
    ...{ connectionsMax: 1, applicationName: "onceflow doctor" },
  });
  // Whether there is a connection is another question than what it takes.
  await translatingErrors(() => own.sql.unsafe("select 1"));
  const why = await whyNoWrites(own.sql);
  if (why === undefined) return [right(subject, "this is the primary, and it takes writes")];
  const { text, remedy } = splitRemedy(why, ": ");
  return [
    not("wrong", subject, text, remedy ?? "make room on its disk, or look into its log"),
  ];
}

async function lookAtRights(
  tx: Queryable,
  roles?: readonly DoctorRole[],
): Promise<Finding[]> {
  const files = new Set((roles ?? doctorRoles).map((role) => role === "serve" ? role : "worker"));
  const findings: Finding[] = [];
  for (const role of files) {
    const missing = await missingGrants(tx, await grantsIn(role));
    findings.push(judgeGrants({ role, isAsked: roles !== undefined }, missing));
  }
  return findings;
}

async function lookAtSchema(tx: Queryable, config: Config): Promise<readonly Finding[]> {
  const facts = await readSchema(tx);
  const missing = await missingFromSchema(tx, config);
  const { name, version: wanted } = viewsOf(config);
  const installed = missing.length === 0 ? await findInstalled(tx, name) : undefined;
  const expected = {
    ...{ known: migrations.map((migration) => migration.name), missing },
    views: { ...(installed !== undefined && { installed }), wanted },
  };
  const findings = [...judgeSchema(facts, expected), ...await lookAtShards(tx, facts, config)];
  if (missing.length > 0) return findings;
  return [...findings, judgeNamespace(await namespacesOf(tx), config.NAMESPACE)];
}

async function lookAtShards(
  tx: Queryable,
  { recorded }: SchemaFacts,
  { OUTBOX_SHARDS }: Config,
): Promise<Finding[]> {
  if (recorded.length === 0) return [];
  return [judgeShards(await readShards(tx), OUTBOX_SHARDS)];
}
