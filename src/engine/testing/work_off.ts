/** Lets a flow's own lane work on one partition in memory until nothing of it is left. Decides nothing: the lane does. */
import { exactlyOnce } from "../core/delivery.ts";
import type { Flow } from "../core/flow.ts";
import { GroupCommitter } from "../core/group_committer.ts";
import type { Health } from "../core/health.ts";
import { runLane } from "../core/lane.ts";
import type { Assignment } from "../core/ports.ts";
import { formatPartition, type InputRecord, type TopicPartition } from "../core/record.ts";
import type { LaneState } from "../core/state.ts";
import { loadParkedKeys } from "../dead_letters/load_parked_keys.ts";
import { framingBytes, openStateChangelog, stateTopicOf } from "../state/state_changelog.ts";
import { type MemoryCluster, MemoryReader } from "./memory_cluster.ts";
import type { VirtualClock } from "./virtual_clock.ts";

/** A record that failed and was tried again. */
export interface Retry {
  /** As it was read. */
  readonly record: InputRecord;
  /** The attempt that failed, from 1. */
  readonly attempt: number;
  /** What the transform has thrown. */
  readonly error: unknown;
}

/** A dependency that was down, until it was back. */
export interface Outage {
  /** As `DependencyDownError` names it. */
  readonly dependency: string;
  /** How long the flow has waited, milliseconds of virtual time. */
  readonly waitedMs: number;
}

/** What a flow has done, in the order in which it happened. */
export interface WorkLog {
  readonly retries: Retry[];
  readonly outages: Outage[];
  /** Records that were committed, dead letters and those without an output among them. */
  records: number;
}

/** Bounds of the work. */
export interface WorkOptions {
  readonly batchRecordsMax: number;
  readonly recordBytesMax: number;
  readonly waitMsMax: number;
}

/**
 * Works up to the last stable offset.
 *
 * @throws {HaltError} when the transform does, and an error that says why when the flow cannot come to an end
 */
export async function workOff<T>(
  flow: Flow<T>,
  place: TopicPartition,
  { cluster, clock }: { readonly cluster: MemoryCluster; readonly clock: VirtualClock },
  options: WorkOptions,
  work: WorkLog,
): Promise<void> {
  const { groupId } = flow;
  const stop = new AbortController();
  const { signal } = stop;
  const fail = (message: string) => stop.abort(new Error(message));
  const bounds = { recordsMax: options.batchRecordsMax, bytesMax: 4 * 1024 * 1024 };
  await using committer = new GroupCommitter(groupId, cluster, bounds);
  committer.resume({ generationId: 1, memberId: "in-memory" }, [place]);
  const unused = () => Promise.reject(new Error("not under exactly-once"));
  const assignment: Assignment = {
    groupId,
    reader: new MemoryReader(cluster.partition(place), 0, () => stop.abort(done)),
    signal,
    stillOwned: () => Promise.resolve(true),
    commitOffset: unused,
    committedOffset: unused,
  };
  const target = {
    partitionCount: (topic: string) => cluster.topic(topic).length,
    recordBytesMax: options.recordBytesMax,
    planMsMax: Infinity,
  };
  const startedAt = clock.now;
  let downSince: number | undefined;
  let down = "";
  const limited = {
    random: () => clock.random(),
    async delay(ms: number, end?: AbortSignal) {
      if (clock.now + ms - startedAt > options.waitMsMax) {
        const hours = options.waitMsMax / 3_600_000;
        fail(
          downSince === undefined
            ? `Flow "${flow.name}" has not come to an end after ${hours} h of virtual time`
            : `Flow "${flow.name}" still waits for ${down} after ${hours} h of virtual time, as it ` +
              `would in production: let a DependencyDownError pass at some time in a test`,
        );
      }
      await clock.delay(ms, end);
    },
  };
  if (flow.park === "key") cluster.topic(cluster.names.parked);
  const parking = flow.park === "key"
    ? {
      load: (lane: Parameters<typeof loadParkedKeys>[1], end: AbortSignal) =>
        loadParkedKeys(cluster, lane, flow.deadLettersOf(place.topic), end),
    }
    : undefined;
  using state = openState(flow, place, cluster, options);
  const kept = { parking, state };
  await runLane(
    ...[flow, assignment, exactlyOnce(committer, undefined, limited), target] as const,
    { ...bounds, dependencyBackoffMsMax: 5_000, clock: limited, ...kept, health: failing(fail) },
    {
      committed: ({ records }) => void (work.records += records),
      retrying: (record, attempt, error) => void work.retries.push({ record, attempt, error }),
      dependency(name, isUp) {
        down = name;
        downSince ??= clock.now;
        if (!isUp) return;
        work.outages.push({ dependency: name, waitedMs: clock.now - downSince });
        downSince = undefined;
      },
    },
  );
  if (signal.reason !== done) {
    throw signal.reason ?? new Error(`${formatPartition(place)} has no owner`);
  }
}

function openState<T>(
  flow: Flow<T>,
  place: TopicPartition,
  cluster: MemoryCluster,
  { recordBytesMax }: WorkOptions,
): LaneState | undefined {
  if (flow.state) cluster.topic(stateTopicOf(flow));
  const bounds = {
    bytesMax: Infinity,
    valueBytesMax: () => recordBytesMax - framingBytes,
    now: Date.now,
  };
  return openStateChangelog(cluster, flow, bounds)?.lane(place);
}

const done = new DOMException("All is done", "AbortError");

/** What stands in a lane's way for longer than two sessions does not pass in memory. */
function failing(fail: (reason: string) => void): Health {
  return {
    up() {},
    down: (name, reason) => fail(`${name}: ${reason}`),
    note() {},
    remove() {},
    ready: () => ({ ready: true, checks: [] }),
  };
}
