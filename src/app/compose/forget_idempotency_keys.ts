/** Deletes idempotency keys that nobody will send again, now and then while a server runs. */
import { getLogger } from "@logtape/logtape";
import { deleteIdempotencyKeys } from "../orders/delete_idempotency_keys.ts";
import type { Runtime } from "./open_runtime.ts";

const log = getLogger(["onceflow", "http"]);
const intervalMs = 10 * 60_000;
const rowsMax = 10_000;

/** Starts to; disposing ends it. What it misses while Postgres is down is deleted the next time. */
export function forgetIdempotencyKeys(
  { config, database }: Pick<Runtime, "config" | "database">,
): Disposable {
  const olderThanHours = config.IDEMPOTENCY_RETENTION_HOURS;
  const forget = async () => {
    try {
      while (
        await deleteIdempotencyKeys(database.sql, { olderThanHours, limit: rowsMax }) === rowsMax
      );
    } catch (error) {
      log.debug("Cannot delete old idempotency keys now: {error}", { error: String(error) });
    }
  };
  const timer = setInterval(() => void forget(), intervalMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
