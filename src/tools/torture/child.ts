/**
 * A worker process under torture: the real roles on the real composition, plus the torture's own flow, telling on standard
 * output what it does and stopping at crash points that it is told on standard input. Not a command of the user's.
 */
import { configure, type LogRecord as LogtapeRecord } from "@logtape/logtape";
import { runFlow } from "../../engine/flow/run_flow.ts";
import { openRuntime, type Runtime } from "../../app/compose/open_runtime.ts";
import { runUntilSignal } from "../../app/compose/run_until_signal.ts";
import { runWorker } from "../../app/compose/run_worker.ts";
import { roles } from "../../app/compose/roles.ts";
import { type Config, readConfig } from "../../config.ts";
import { HaltError } from "../../engine/core/errors.ts";
import { MissingPermissionError } from "../../engine/kafka/missing_permission.ts";
import { compactedTopicConfig } from "../../engine/kafka/topic_config.ts";
import { ensureTopics } from "../../engine/kafka/topics.ts";
import { stateTopicOf } from "../../engine/state/state_changelog.ts";
import { type Arming, crashPoints } from "./crash_points.ts";
import type { RoleEvent } from "./role_event.ts";
import { sequenceFlow, sequenceTopics } from "./sequence_flow.ts";
import { watchedSql } from "./watched_sql.ts";

/** Much below the default: a fault that drops an answer is over when the client stops waiting for it. */
const requestTimeoutMs = 2_500;
/** State is read back while it is compacted. */
const oftenCompacted = {
  ...compactedTopicConfig,
  "segment.ms": "3000",
  "min.cleanable.dirty.ratio": "0.01",
};
const encoder = new TextEncoder();

/** Tells the torture one thing, at once: after a SIGKILL nothing could be told any more. */
export function tell(event: RoleEvent): void {
  Deno.stdout.writeSync(encoder.encode(JSON.stringify(event) + "\n"));
}

/** Connects with short time-outs and with crash points around the statements of relay and projector. */
export async function openTortureRuntime(config: Config, name: string): Promise<Runtime> {
  const points = crashPoints((point) => tell({ event: "reached", point }));
  listen(points.arm);
  const runtime = await openRuntime(config, { applicationName: name });
  const client: Runtime["client"] = {
    ...runtime.client,
    cluster: (options) => runtime.client.cluster({ requestTimeoutMs, ...options }),
  };
  const counts = {
    partitions: config.TOPIC_PARTITIONS,
    replicationFactor: config.TOPIC_REPLICATION_FACTOR,
  };
  const own = await ensureTopics(client, [
    ...Object.values(sequenceTopics).map((topic) => ({ topic, ...counts })),
    { topic: stateTopicOf(sequenceFlow()), ...counts, uses: ["state"], config: oftenCompacted },
  ]);
  return {
    ...runtime,
    client,
    partitions: new Map([...runtime.partitions, ...own]),
    database: { ...runtime.database, sql: watchedSql(runtime.database.sql, points) },
    [Symbol.asyncDispose]: () => runtime[Symbol.asyncDispose](),
  };
}

/** What is forbidden at the start is given back soon: it ends as if it could not reach Kafka, and is started again. */
function asUnreached(error: unknown): never {
  if (!(error instanceof MissingPermissionError)) throw error;
  throw new Error(error.message, { cause: error });
}

/** Sends logs to standard error, which goes to a file of this process. */
export async function logToStderr(): Promise<void> {
  await configure({
    sinks: { stderr: (record) => Deno.stderr.writeSync(encoder.encode(logLine(record))) },
    loggers: [
      { category: ["logtape"], sinks: ["stderr"], lowestLevel: "warning" },
      { category: ["onceflow"], sinks: ["stderr"], lowestLevel: "debug" },
    ],
  });
}

function logLine({ timestamp, level, category, message }: LogtapeRecord): string {
  const text = message.map((part) => typeof part === "string" ? part : Deno.inspect(part)).join("");
  return `${new Date(timestamp).toISOString()} ${level} ${category.join(".")}: ${text}\n`;
}

function listen(arm: (arming: Arming) => void): void {
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
  (async () => {
    for await (const chunk of lines) {
      for (const line of chunk.split("\n")) if (line) arm(JSON.parse(line));
    }
  })().catch(() => {});
}

/** Runs roles until SIGTERM; `chosen` may name `sequences` beside the roles of the worker. */
async function run(chosen: readonly string[]): Promise<void> {
  const config = readConfig();
  await runUntilSignal(async (signal) => {
    await using runtime = await openTortureRuntime(config, config.KAFKA_CLIENT_ID)
      .catch(asUnreached);
    tell({ event: "ready" });
    const failed = new AbortController();
    const stop = AbortSignal.any([signal, failed.signal]);
    const running = [runWorker(
      runtime,
      {
        roles: roles.filter((role) => chosen.includes(role)),
        guarantee: config.GUARANTEE,
        // The torture starts processes, not roles: one that stands still in a role tells it nothing.
        onHalt: (_role, error) => failed.abort(error),
        observers: {
          lane: {
            committed: ({ records, outputs, deadLetters }) =>
              committed("flow", records, outputs + deadLetters),
            resolved,
          },
          relay: { relayed: ({ rows, shard }) => committed("relay", rows, rows, shard), resolved },
          forgotten,
          projector: { onApplied: ({ events }) => committed("projector", events, 0) },
        },
      },
      stop,
    )];
    if (chosen.includes("sequences")) {
      running.push(runFlow(runtime.client, sequenceFlow(config.GUARANTEE), stop, {
        guarantee: config.GUARANTEE,
        batchRecordsMax: config.BATCH_RECORDS_MAX,
        requestBytesMax: config.REQUEST_BYTES_MAX,
        transactionTimeoutMs: config.TRANSACTION_TIMEOUT_MS,
        sessionTimeoutMs: config.SESSION_TIMEOUT_MS,
        topicPartitions: config.TOPIC_PARTITIONS,
        onForgotten: forgotten,
        observer: {
          committed: ({ records, outputs, deadLetters }) =>
            committed("sequences", records, outputs + deadLetters),
          resolved,
        },
      }));
    }
    await Promise.all(running.map((role) => role.catch((error) => failed.abort(error))));
    if (failed.signal.aborted) throw failed.signal.reason;
  }, { shutdownMsMax: config.SHUTDOWN_MS_MAX });
}

type Role = Extract<RoleEvent, { event: "committed" }>["role"];

function committed(role: Role, records: number, written: number, shard?: number): void {
  tell({ event: "committed", role, records, written, shard });
}

function resolved(outcome: "committed" | "aborted"): void {
  tell({ event: "resolved", outcome });
}

function forgotten(outcome: "commit" | "abort"): void {
  tell({ event: "forgotten", outcome });
}

if (import.meta.main) {
  await logToStderr();
  try {
    await run((Deno.args[0] ?? "").split(","));
    Deno.exit(0);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    console.error(error);
    if (error instanceof HaltError) tell({ event: "halted", reason });
    Deno.exit(error instanceof HaltError ? 1 : 2);
  }
}
