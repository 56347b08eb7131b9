/** Notes what an operator does, in the log and in Postgres, before it is done and after it. */
import { getLogger } from "@logtape/logtape";
import type { Config } from "../../config.ts";
import { openDatabase } from "../../engine/postgres/database.ts";
import { addAuditRow, type Deed } from "../audit/audit_log.ts";
import { refuseOtherNamespace } from "./agree_on_namespace.ts";
import type { Services } from "./services.ts";

const log = getLogger(["onceflow", "audit"]);

/** Does something that is to be noted. */
export type Audit = <T>(deed: Deed, act: () => Promise<T>) => Promise<T>;

/** Does something that is noted from when it says that it begins: before that it may find that there is nothing to do. */
export type AuditBegun = <T>(
  deed: Deed,
  act: (begin: () => Promise<void>) => Promise<T>,
) => Promise<T>;

/** Notes each deed, from before it is done; {@linkcode auditBegunOf} says how. */
export function auditOf(
  config: Pick<Config, "OPERATOR" | "NAMESPACE">,
  services: Pick<Services, "databaseUrl">,
): Audit {
  const audit = auditBegunOf(config, services);
  return (deed, act) =>
    audit(deed, async (begin) => {
      await begin();
      return await act();
    });
}

/**
 * The log has a line of each deed that has begun, when it has ended. Where the table cannot be written (Postgres is away,
 * which may be why somebody operates) that is said, and the deed is done all the same.
 *
 * @throws {HaltError} before anything is done, where the database is worked on under another namespace: what was redriven
 * or committed there is not known under this one
 */
export function auditBegunOf(
  config: Pick<Config, "OPERATOR" | "NAMESPACE">,
  { databaseUrl }: Pick<Services, "databaseUrl">,
): AuditBegun {
  return async (deed, act) => {
    await using database = openDatabase(databaseUrl, {
      connectionsMax: 1,
      applicationName: "onceflow audit",
    });
    const id = crypto.randomUUID();
    let operator = config.OPERATOR ?? "the database's user";
    const note = async (outcome: "begun" | "done" | "failed", reason = "") => {
      try {
        const row = { ...deed, deed: id, operator: config.OPERATOR, outcome, reason };
        operator = await addAuditRow(database.sql, row);
      } catch (error) {
        log.warn("Cannot note {action} in the table audit_log ({outcome}): {error}", {
          ...{ action: deed.action, outcome },
          error: error instanceof Error ? error.message : String(error),
        });
      }
    };
    const say = (outcome: string) =>
      log.warn("{operator}: {action} of {target}, {outcome}; {detail}", {
        ...{ operator, action: deed.action, target: deed.target, outcome },
        detail: JSON.stringify(deed.detail),
      });
    let begun = false;
    const end = async (outcome: "done" | "failed", reason?: string) => {
      if (!begun) return;
      await note(outcome, reason);
      say(outcome);
    };
    try {
      const result = await act(async () => {
        await refuseOtherNamespace(database.sql, config.NAMESPACE);
        begun = true;
        await note("begun");
      });
      await end("done");
      return result;
    } catch (error) {
      await end("failed", error instanceof Error ? error.message : String(error));
      throw error;
    }
  };
}
