/**
 * Looks every few seconds how far the lanes of this process have come against the ends of their partitions, over a
 * connection of its own. A lane that hangs cannot say so itself.
 */
import { delay, doneWithin, unlessAborted } from "../core/delay.ts";
import type { LaneBoard, LaneStanding } from "../core/lane_board.ts";
import type { KafkaClient } from "../kafka/kafka_client.ts";
import { type PartitionEnd, readPartitionEnds } from "../kafka/partition_ends.ts";
import { refusedLogin } from "../kafka/refused_login.ts";
import type { VendorCluster } from "../kafka/vendor.ts";
import { CoordinatorWatch } from "./watch_coordinators.ts";
import { watchSettings } from "./watch_settings.ts";
import { LaneJudge, type LaneJudgeOptions } from "./judge_lanes.ts";

/** What is watched, and who is told. */
export interface LaneWatch extends LaneJudgeOptions {
  readonly board: LaneBoard;
  /** Groups whose lanes write in transactions. */
  readonly transactionalGroups: ReadonlySet<string>;
  readonly intervalMs?: number;
  /** Kafka is away when no broker has answered for so long. Default ten seconds. */
  readonly silentMsMax?: number;
}

/** What one look has found so far. */
interface Look {
  reached: boolean;
  ends: readonly PartitionEnd[];
  /** Why not, where it says. */
  refusal?: string;
}

/** Then what is known is judged: a node that swallows all holds up only what it was asked. */
const lookMsMax = 15_000;
const unreached = "unreached";

/** Reports `kafka`, `lane:<topic>-<n>` and `topic:<name>` until the signal fires. */
export async function watchLanes(
  client: KafkaClient,
  watch: LaneWatch,
  signal: AbortSignal,
): Promise<void> {
  const { board, health, intervalMs = 2_000, silentMsMax = 10_000 } = watch;
  // Time enough for a second broker.
  const cluster = client.cluster({ requestTimeoutMs: silentMsMax / 2, retries: 1 });
  const judge = new LaneJudge(watch);
  const coordinators = new CoordinatorWatch(cluster, health);
  let known: readonly LaneStanding[] = [];
  const settings = watchSettings(client, health, signal);
  try {
    while (!signal.aborted) {
      const lanes = board.lanes();
      const there = new Set(lanes);
      judge.ended(known.filter((lane) => !there.has(lane)), lanes);
      known = lanes;
      const look: Look = { reached: false, ends: [] };
      const asked = lookOnce(cluster, lanes, look).then(async () => {
        const writers = lanes.filter(({ groupId }) => watch.transactionalGroups.has(groupId));
        if (look.reached) await coordinators.look(writers);
      });
      // One question at a time: a broker that hangs does not find all of them when it is back.
      const ended = unlessAborted(asked, signal).catch(() => {});
      if (!await doneWithin(ended, silentMsMax) && !look.reached) sayUnreached(watch, look);
      await doneWithin(ended, lookMsMax);
      if (signal.aborted) {
        // Most often the answer is there in a moment.
        await doneWithin(asked, 200);
        break;
      }
      if (look.reached) health.up("kafka", unreached);
      else sayUnreached(watch, look);
      const running = new Set(board.lanes());
      judge.look(lanes.filter((lane) => running.has(lane)), look.ends);
      await delay(intervalMs, signal).catch(() => {});
    }
  } finally {
    judge.ended(known, []);
    health.up("kafka", unreached);
    coordinators.end();
    await doneWithin(cluster.disconnect(), 500).catch(() => {});
    await settings;
  }
}

function sayUnreached({ health }: LaneWatch, { refusal = "does not answer" }: Look): void {
  health.down("kafka", `Kafka ${refusal}`, { cause: unreached });
}

/** Never rejects. A broker that does not answer is dropped: the second time another one is asked. */
async function lookOnce(
  cluster: VendorCluster,
  lanes: readonly LaneStanding[],
  look: Look,
): Promise<void> {
  for (let attempt = 0; attempt < 2 && !look.reached; attempt++) {
    try {
      look.ends = await readPartitionEnds(cluster, lanes, () => look.reached = true);
    } catch (error) {
      // Said by the caller, once.
      look.refusal = refusedLogin(error);
    }
  }
}

/** The same for as long as something is open. */
export function watchUntilDisposed(client: KafkaClient, watch: LaneWatch): AsyncDisposable {
  const ended = new AbortController();
  const watching = watchLanes(client, watch, ended.signal);
  return {
    async [Symbol.asyncDispose]() {
      ended.abort();
      await watching;
    },
  };
}
