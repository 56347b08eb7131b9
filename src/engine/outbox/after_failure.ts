/** Decides, after a session of a relay has failed, whether another one may start; says what stands in its way, once. */
import { getLogger } from "../packages/logtape.ts";
import { HaltError } from "../core/errors.ts";
import type { Health } from "../core/health.ts";
import { doubtsMax } from "../core/may_reopen.ts";
import { outageIn } from "../core/outage.ts";
import { TransactionError } from "../core/ports.ts";
import { backoffMs } from "../core/retry_policy.ts";
import { toBeMended } from "../postgres/translate_error.ts";
import type { RelayClock } from "./relay_clock.ts";
import {
  postgresCause,
  relayCheck,
  type RelayObserver,
  type RelayProgress,
  sessionCause,
} from "./relay_options.ts";

const log = getLogger(["onceflow", "outbox", "relay"]);
const backoffBaseMs = 50;
const backoffCapMs = 2_000;

/** Whose session it was, and who is told. */
export interface FailingRelay {
  readonly shard: number;
  readonly clock: RelayClock;
  readonly observer: RelayObserver;
  readonly health: Health | undefined;
}

/**
 * Resolves when another session may start. An outage is one line, of whoever is told of dependencies where there is one, and
 * else of `relay:<shard>`; another failure that passes with the next session is one there ({@linkcode RelayProgress.untold}).
 *
 * @throws {HaltError} when no session can help
 */
export async function afterFailure(
  error: unknown,
  { shard, clock, observer, health }: FailingRelay,
  progress: Pick<RelayProgress, "failures" | "untold">,
  signal: AbortSignal,
): Promise<void> {
  if (error instanceof HaltError) throw error;
  const { failures } = progress;
  const reason = error instanceof Error ? error.message : String(error);
  const verdict = error instanceof TransactionError ? error.verdict : undefined;
  if (verdict === "fatal" || verdict === "rejected") {
    throw new HaltError(`Cannot go on relaying shard ${shard}: ${reason}`, { cause: error });
  }
  const outage = outageIn(error);
  if (outage) {
    observer.dependency?.(outage.dependency, false);
    observer.outage?.(shard);
    const cause = outage.dependency === "postgres" ? postgresCause : sessionCause;
    const logged = observer.dependency ? "never" : "always";
    const advice = toBeMended(outage);
    const text = `waits for ${outage.dependency}${advice === undefined ? "" : `: ${advice}`}`;
    health?.down(relayCheck(shard), text, { cause, logged });
    // Readiness is shown to whoever asks; the log says which table or user it is.
    if (advice !== undefined && failures === 1) {
      log.warn("Relay of shard {shard} waits: {reason}", { shard, reason });
    }
    progress.untold = undefined;
  } else if (health && (verdict === "blocked" || failures >= doubtsMax)) {
    // What stands in the way is said under its own name, and where it was looked for in the log.
    health.down(relayCheck(shard), reason, { cause: sessionCause });
    progress.untold = undefined;
  } else if (failures === 1) {
    progress.untold = reason;
  }
  log.debug("Relay of shard {shard}: {reason}", { shard, reason });
  await clock.delay(backoffMs(failures, backoffBaseMs, backoffCapMs), signal).catch(() => {});
}
