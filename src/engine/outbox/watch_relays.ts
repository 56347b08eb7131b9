/**
 * Looks every few seconds at the shards that this process relays: how long has the oldest row waited, and does the relay
 * come on? A relay that hangs cannot say so itself.
 */
import { delay, unlessAborted } from "../core/delay.ts";
import type { Health } from "../core/health.ts";
import { readBacklog, readHeldAge } from "./backlog.ts";
import type { Hold } from "./holds.ts";
import { horizon, type HorizonHolder } from "./horizon.ts";
import { relayedUpTo } from "./relay_cursor.ts";
import { relayCheck, type RelayObserver } from "./relay_options.ts";
import type { Sql } from "../postgres/sql.ts";

/** What is told of each shard, for metrics. */
export interface RelayFigures {
  /** How many rows are not published (at most 10,000 are counted), and how long the oldest of them has waited. */
  backlog?(
    shard: number,
    waiting: { readonly rows: number; readonly oldestSeconds: number },
  ): void;
  /** Another process relays it now. */
  left?(shard: number): void;
}

/** What is watched, and who is told. */
export interface RelayWatch {
  readonly sql: Sql;
  readonly health: Health;
  readonly figures?: RelayFigures;
  readonly intervalMs?: number;
  /** For so long no row may be published while some wait. Default half a minute. */
  readonly standsMsMax?: number;
  /** Monotonic, milliseconds; the process's own where absent. */
  readonly now?: () => number;
}

/** A watch over the relays of one process. */
export interface RelayWatcher {
  /** The relays tell it where they are. */
  readonly observer: Required<
    Pick<RelayObserver, "leading" | "stands" | "outage" | "waiting" | "relayed">
  >;
  /** Reports `relay:<shard>` until the signal fires. */
  run(signal: AbortSignal): Promise<void>;
}

/** A shard that this process relays, as far as is known. */
interface Shard {
  /** False between two sessions, and from when another process relays it. */
  leads: boolean;
  /** Up to here all is published, or held back; unknown until the first session has begun. */
  position: number | undefined;
  holds: readonly Hold[];
  /** When it last came on, or had nothing to do: monotonic, milliseconds. */
  cameOnAt: number;
  /** Older writers hold its rows back. */
  heldBack: boolean;
  /** Its last session has ended in an outage, which is said as such: until the next begins it is held against nothing. */
  inOutage: boolean;
  /** What was last said of whom it waits for, and who that was. */
  holder?: { readonly key: string; readonly text: string };
}

const cause = "stalled";
/** A look comes every few seconds: where none came for longer, it is this process that stood still. */
const pauseMsMin = 10_000;

/** Makes one. */
export function watchRelays(
  { sql, health, figures, ...times }: RelayWatch,
): RelayWatcher {
  const { intervalMs = 2_000, standsMsMax = 30_000, now = () => performance.now() } = times;
  const shards = new Map<number, Shard>();

  async function look(shard: number, at: Shard): Promise<void> {
    const askedAt = now();
    const after = at.position ?? await relayedUpTo(sql, shard) ?? 0;
    const { rows, ageMs } = await readBacklog(sql, { shard, after });
    const heldMs = await readHeldAge(sql, { shard, upTo: after, holds: at.holds });
    if (!at.leads || now() - askedAt > pauseMsMin) return;
    figures?.backlog?.(shard, {
      rows: Number(rows),
      oldestSeconds: Math.max(ageMs, heldMs) / 1000,
    });
    if (Number(rows) === 0 || at.inOutage) at.cameOnAt = now();
    if (now() - at.cameOnAt <= standsMsMax) return health.up(relayCheck(shard), cause);
    const what = at.position === undefined
      ? "it has not been able to start, and rows of the outbox wait"
      : `no row of the outbox was published for ${standsMsMax / 1000} s, and some wait`;
    const reason = `${what}${at.heldBack ? await whoHolds(at) : ""}`;
    health.down(relayCheck(shard), reason, { cause, logged: "alone" });
  }

  /** In the same words for as long as it is the same one. */
  async function whoHolds(at: Shard): Promise<string> {
    const { holder } = await horizon(sql);
    if (!holder) return "";
    const key = holder.kind === "prepared" ? holder.gid : String(holder.pid);
    if (at.holder?.key !== key) at.holder = { key, text: describe(holder) };
    return `; ${at.holder.text} was begun before them and is open`;
  }

  function forget(shard: number): void {
    shards.delete(shard);
    // Standing by is no condition: whoever leads now says how it goes.
    health.up(relayCheck(shard), cause);
    figures?.left?.(shard);
  }

  function cameOn(shard: number, position: number): void {
    const at = shards.get(shard);
    if (at) Object.assign(at, { position, cameOnAt: now(), heldBack: false });
  }

  return {
    observer: {
      leading(shard, leads) {
        const at = shards.get(shard);
        if (at) at.leads = leads;
        else if (leads) {
          const cameOnAt = now();
          const anew = { position: undefined, holds: [], heldBack: false, inOutage: false };
          shards.set(shard, { leads, cameOnAt, ...anew });
        }
      },
      stands(shard, { position, holds }) {
        const at = shards.get(shard);
        if (at) at.holds = holds;
        // A look of the watch may not have fallen into the outage.
        if (at?.position !== position || at.inOutage) cameOn(shard, position);
        if (at) at.inOutage = false;
      },
      outage(shard) {
        const at = shards.get(shard);
        if (at) at.inOutage = true;
      },
      waiting(shard) {
        const at = shards.get(shard);
        if (at) at.heldBack = true;
      },
      relayed: ({ shard, position }) => cameOn(shard, position),
    },
    async run(signal) {
      let lookedAt = now();
      while (!signal.aborted) {
        // It was frozen, or its host slept: no relay is to blame.
        if (now() - lookedAt > pauseMsMin) {
          for (const at of shards.values()) at.cameOnAt = now();
        }
        lookedAt = now();
        for (const [shard, at] of [...shards]) {
          // A Postgres that does not answer is said as `postgres`, and holds up nobody who stops.
          if (at.leads) await unlessAborted(look(shard, at), signal).catch(() => {});
          else forget(shard);
        }
        await delay(intervalMs, signal).catch(() => {});
      }
      for (const shard of [...shards.keys()]) forget(shard);
    },
  };
}

/** No statement of anyone's: this is shown to whoever asks for readiness. */
function describe(holder: HorizonHolder): string {
  return holder.kind === "prepared"
    ? `the prepared transaction "${holder.gid}" of database ${holder.database}`
    : `a transaction of pid ${holder.pid} (${
      holder.applicationName || "no name"
    }, ${holder.state})`;
}
