/** Notes what an operator does, in the log and in Postgres, before it is done and after it. */
import { getLogger } from "@logtape/logtape";
import type { Config } from "../../config.ts";
import { openDatabase } from "../../engine/postgres/database.ts";
import { addAuditRow, type Deed } from "../audit/audit_log.ts";
import type { Services } from "./services.ts";

const log = getLogger(["onceflow", "audit"]);

/** Does something that is to be noted. */
export type Audit = <T>(deed: Deed, act: () => Promise<T>) => Promise<T>;

/**
 * The log has a line of each deed, when it has ended. Where the table cannot be written (Postgres is away, which may be why
 * somebody operates) that is said, and the deed is done all the same.
 */
export function auditOf(
  config: Pick<Config, "OPERATOR">,
  { databaseUrl }: Pick<Services, "databaseUrl">,
): Audit {
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
    await note("begun");
    try {
      const result = await act();
      await note("done");
      say("done");
      return result;
    } catch (error) {
      await note("failed", error instanceof Error ? error.message : String(error));
      say("failed");
      throw error;
    }
  };
}
