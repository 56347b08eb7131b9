/** Has a lone node's controller declare its broker's last session over, before that broker starts again. Starts no broker. */
import type { Daemon } from "./processes.ts";
import { type BrokerOptions, startBroker } from "./start_broker.ts";
import { stopService } from "./stop_service.ts";
import { waitFor } from "./wait.ts";

/** The dead session ends this soon after the controller's start. */
const sessionMs = 500;
/** How long a controller may take to begin; most of it is the start of a JVM, on a machine that may be busy. */
const beginMsMax = 60_000;
const beginning = /Becoming the active controller/;
/** One that has begun and has nobody to fence (the broker died before it was let in) is not waited for any longer. */
const fenceMsMax = 15_000;
const fencing = /Fencing broker \d+/;

/**
 * Runs the node as a controller only, until it has fenced the broker of the last run.
 *
 * A node that is broker and controller still counts as the leader of its partitions when it comes back, whether it died or
 * was stopped (broker_properties.ts says why it does not give the leadership up): it begins to load offsets and
 * transactions, loses the leadership when its last session is fenced, and gets it again. Kafka can then serve what it has
 * loaded by half (src/engine/core/settled_offset.ts). A broker that was fenced before it starts becomes leader once.
 *
 * It makes that rarer and does not end it, and costs the start of a JVM. Measured on 4.2.2 with 60 groups of 50 partitions,
 * on a machine with ten times the work that it has processors for: of the starts after `kill -9`, three in six answered
 * some offset wrongly without this, and two in nine with it, where the new session was missed, too. On the machine at rest
 * one start of each was right, and with this it took 2.2 times as long. What keeps the guarantee is the client's own question.
 */
export async function fenceLastBroker(
  broker: BrokerOptions,
  onStarted: (daemon: Daemon) => void,
): Promise<void> {
  const { dataDirectory, logFile, signal } = broker;
  const startedAt = Date.now();
  const daemon = await startBroker({
    ...broker,
    roles: "controller",
    heapMiB: 192,
    shortLived: true,
    // Classes of another kind of node are no archive for the next start.
    archive: undefined,
    settings: {
      ...broker.settings,
      "broker.session.timeout.ms": String(sessionMs),
      "broker.heartbeat.interval.ms": String(sessionMs / 5),
    },
  });
  onStarted(daemon);
  const untilItSays = (what: RegExp, waitMsMax: number) =>
    waitFor(async () => {
      if (daemon.exited() !== undefined) return true;
      return what.test(await logSince(logFile, startedAt)) ? true : undefined;
    }, { waitMsMax, intervalMs: 100, signal });
  try {
    await untilItSays(beginning, beginMsMax);
    await untilItSays(fencing, fenceMsMax);
  } finally {
    // Whoever waits no longer must not leave it behind.
    const how = signal?.aborted ? "KILL" : "TERM";
    await stopService(daemon.identity, `the controller of ${dataDirectory}`, how);
  }
}

/** Each run puts the last one's log aside and begins its own; until then the file is the last one's, and tells of that. */
async function logSince(logFile: string, startedAt: number): Promise<string> {
  const file = await Deno.stat(logFile).catch(() => undefined);
  return (file?.mtime?.getTime() ?? 0) < startedAt ? "" : await Deno.readTextFile(logFile);
}
