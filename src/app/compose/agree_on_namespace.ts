/**
 * Keeps a database with the namespace that it was first worked on under. The consumer groups are named by the namespace, and
 * where each stands is kept in Kafka under that name: another one is a flow that has read nothing yet and a relay that has
 * published nothing, over orders that were invoiced long ago.
 */
import { getLogger } from "@logtape/logtape";
import { HaltError } from "../../engine/core/errors.ts";
import type { Queryable } from "../../engine/postgres/sql.ts";
import { translatingErrors } from "../../engine/postgres/translate_error.ts";

const log = getLogger(["onceflow", "compose"]);

/**
 * Records the namespace on first use and refuses another one later, unless a person has added it.
 *
 * @throws {HaltError} when this database belongs to another namespace
 * @throws {DependencyDownError} when Postgres cannot be reached
 */
export async function agreeOnNamespace(sql: Queryable, namespace: string): Promise<void> {
  let noted = await namespacesOf(sql);
  if (noted.length === 0) {
    await translatingErrors(() =>
      sql`
        insert into pipeline_namespaces (namespace, is_first) values (${namespace}, true) on conflict do nothing
      `
    );
    noted = await namespacesOf(sql);
  }
  const text = whyNotIn(noted, namespace);
  if (text !== undefined) throw new HaltError(text);
}

/**
 * The same for a person who is about to do something; where Postgres does not tell, they may.
 *
 * @throws {HaltError} when this database belongs to another namespace
 */
export async function refuseOtherNamespace(sql: Queryable, namespace: string): Promise<void> {
  const noted = await namespacesOf(sql).catch((error) => {
    log.debug("Cannot look up the namespaces of this database: {error}", { error: String(error) });
    return [];
  });
  const text = whyNotIn(noted, namespace);
  if (text !== undefined) throw new HaltError(text);
}

/** Those that this database is worked on under; none before the first start. */
export async function namespacesOf(sql: Queryable): Promise<readonly string[]> {
  const rows = await translatingErrors(() =>
    sql<{ namespace: string }[]>`select namespace from pipeline_namespaces order by noted_at`
  );
  return rows.map(({ namespace }) => namespace);
}

/** Why nobody may work here under that namespace, with the ways out; undefined where anybody may. Pure. */
export function whyNotIn(noted: readonly string[], namespace: string): string | undefined {
  if (noted.length === 0 || noted.includes(namespace)) return undefined;
  const here = noted.join(" or ");
  return `Cannot use NAMESPACE=${namespace}: this database is worked on under NAMESPACE=${here}. Under another one the ` +
    `flow is a new consumer group, which makes every invoice once more, and the relay finds no cursor. Set ` +
    `NAMESPACE=${
      noted[0]
    } back, or give ${namespace} a database of its own. Where it is to work on this one and to ` +
    `begin anew, say so in Postgres: insert into pipeline_namespaces (namespace) values ('${namespace}') ` +
    `(src/commands.md, "Another namespace", has how it goes on where the other one stands)`;
}
