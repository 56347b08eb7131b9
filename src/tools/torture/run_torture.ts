/** Runs the torture: a cluster and a pipeline of its own, load, faults from the seed, a final drain, and the books. */
import { join } from "node:path";
import { pipelineNames } from "../../app/compose/pipeline_names.ts";
import { type Guarantee, readConfig } from "../../config.ts";
import { openDatabase } from "../../engine/postgres/database.ts";
import { freePort } from "../stack/ports.ts";
import { orderProblem } from "../../app/orders/order_record.ts";
import { checkConservation } from "../verify/check_conservation.ts";
import { openLogReader } from "../verify/log_reader.ts";
import { type Arena, EventHub } from "./arena.ts";
import { calmRecoveries } from "./calm_recovery.ts";
import { checkSequences } from "./check_sequences.ts";
import { untilDrained } from "./drain.ts";
import type { Stage } from "./fault.ts";
import { allFaults } from "./faults/all_faults.ts";
import { flowMustHalt } from "./flow_halts.ts";
import { type OnEnd, restoredDatabase } from "./halts.ts";
import { installSequences, type Ledger, runLoad } from "./load.ts";
import { type ClusterOptions, startPrivateCluster } from "./private_cluster.ts";
import { seededRandom } from "./random.ts";
import { Recoveries, type Recovery } from "./recoveries.ts";
import { runTrack } from "./run_track.ts";
import { RoleProcess, type UnaskedEnd } from "./role_process.ts";
import { drawSchedule, usualDensity } from "./schedule.ts";
import { sequenceStateTopic, sequenceTopics } from "./sequence_flow.ts";
import { Summary, type TortureReport } from "./summary.ts";
import { tortureEnvironment, tortureTimeouts } from "./torture_environment.ts";

/** What a run is asked for; its directory is removed at the end when nothing was found. */
export interface TortureOptions extends ClusterOptions {
  readonly seed: string;
  readonly minutes: number;
  /** Only faults whose name holds this text strike; all where absent. */
  readonly only?: string;
  readonly guarantee: Guarantee;
  /** How often each role is killed with nothing else going wrong, to measure its recovery; 3 where absent. */
  readonly calmRounds?: number;
  /** Leaves out what the flow must halt at: the same whatever the protocol. */
  readonly withoutFlowHalts?: boolean;
}

const calmRoundsDefault = 3;
/** A transaction's time, two of the broker's sweeps of those that are over it, and the markers: then it was left open. */
const openTransactionWaitMs = tortureTimeouts.transactionTimeoutMs + 30_000;
const roleFlags = [
  "--quiet",
  "--no-check",
  "--allow-net=127.0.0.1",
  "--allow-read",
  "--allow-env",
  "--allow-sys",
];

/** Runs it all. Findings are in the report; this throws only when the torture itself cannot go on. */
export async function runTorture(options: TortureOptions): Promise<TortureReport> {
  const { directory, signal, onProgress, only = "" } = options;
  const kinds = allFaults(tortureTimeouts).filter(({ kind }) => kind.includes(only));
  if (kinds.length === 0) throw new RangeError(`Cannot torture: no fault is named "${only}"`);
  await using cluster = await startPrivateCluster(options);
  await using database = openDatabase(cluster.databaseUrl, {
    connectionsMax: 20,
    applicationName: "onceflow torture",
    idleInTransactionTimeoutMs: 120_000,
  });
  const { sql } = database;
  await using reader = await openLogReader(
    { brokers: cluster.directBrokers, ssl: false },
    { jarsDir: cluster.jars, cacheDir: join(options.cacheDirectory, "../verify") },
    signal,
  );
  const httpPort = freePort();
  const environment = tortureEnvironment({ ...options, cluster, httpPort });
  const config = readConfig(environment);
  const names = pipelineNames(config);
  const events = new EventHub();
  const roles = new Map<string, RoleProcess>();
  const summary = new Summary(options);
  const recoveries = new Recoveries();
  events.on((name, event) => {
    recoveries.heard(name, event, performance.now());
    summary.heard(event);
    // Whoever stands at a crash point dies there, whether its fault still waits for it or not.
    if (event.event === "reached") roles.get(name)?.kill();
  });

  const ends = new Set<(name: string, end: UnaskedEnd) => void>();
  const asFinding = (who: string, end: UnaskedEnd) => summary.endedByItself(who, end);
  ends.add(asFinding);
  await using processes = new AsyncDisposableStack();
  const addRole = (name: string, args: readonly string[]) => {
    const role = new RoleProcess({
      name,
      args: [...roleFlags, ...args],
      env: { ...environment, KAFKA_CLIENT_ID: name, DATABASE_URL: cluster.database.urlFor(name) },
      logFile: join(directory, "logs", `${name}.log`),
      onEvent: (who, event) => events.emit(who, event),
      onEnd: (who, end) => ends.forEach((listener) => listener(who, end)),
    });
    roles.set(name, role);
    role.start();
    return role;
  };
  processes.defer(async () => {
    await Promise.all([...roles.values()].map((role) => role[Symbol.asyncDispose]()));
  });
  const addWorker = (name: string) => addRole(name, [childFile, "flow,sequences"]);
  const arena: Arena = {
    ...{ cluster, roles, sql, events, addWorker },
    tools: { jars: cluster.jars, directBrokers: cluster.directBrokers, directory },
    ordersTopic: names.ordersTopic,
    partitionsAtStart: config.TOPIC_PARTITIONS,
    shards: config.OUTBOX_SHARDS,
    log: onProgress,
    async removeWorker(name) {
      const role = roles.get(name);
      roles.delete(name);
      await role?.[Symbol.asyncDispose]();
    },
  };
  const stage: Stage = {
    transactionProtocol: transactionProtocolOf(options),
    brokers: options.brokers,
    workers: ["worker-1", "worker-2"],
    relays: ["relay-1", "relay-2"],
    projectors: ["projector-1", "projector-2"],
  };
  // The first one alone makes topics and tables; then all others together.
  await addRole("relay-1", [childFile, "relay"]).ready();
  await installSequences(sql);
  addRole("relay-2", [childFile, "relay"]);
  stage.workers.forEach(addWorker);
  stage.projectors.forEach((name) => addRole(name, [childFile, "projector"]));
  await Promise.all([...roles.values()].map((role) => role.ready()));
  addRole("serve-1", [mainFile, "serve"]);

  const ledger: Ledger = { acknowledged: new Set(), posted: 0, rolledBack: 0, failed: 0 };
  const startLoad = (name: string) => {
    const loading = new AbortController();
    const done = runLoad(
      sql,
      ledger,
      {
        ...{ writers: 6, pauseMsMax: 120, keys: 12 },
        ordersTopic: names.ordersTopic,
        shards: config.OUTBOX_SHARDS,
        httpUrl: `http://127.0.0.1:${httpPort}`,
      },
      seededRandom(`${options.seed}/${name}`),
      AbortSignal.any([signal, loading.signal]),
    );
    return async () => {
      loading.abort();
      await done;
    };
  };
  const drain = async () => {
    onProgress("draining");
    return await untilDrained(sql, reader, names, signal);
  };

  const stopLoad = startLoad("load");
  const schedule = drawSchedule(options.seed, stage, kinds, usualDensity);
  const time = AbortSignal.any([signal, AbortSignal.timeout(options.minutes * 60_000)]);
  await Promise.all(
    [...schedule].map(([track, faults]) =>
      runTrack(arena, track, faults, kinds, summary, recoveries, time)
    ),
  );
  signal.throwIfAborted();
  await stopLoad();
  const { calmRounds = calmRoundsDefault } = options;
  const calm: Recovery[] = [];
  if (calmRounds > 0) {
    await drain();
    const stopCalmLoad = startLoad("calm load");
    calm.push(...await calmRecoveries(arena, calmRounds, signal));
    await stopCalmLoad();
  }
  const left = await drain();
  summary.stuck(left);
  const books = await checkConservation(sql, reader, {
    names,
    spillDir: directory,
    orderProblem,
    drained: left.length === 0,
    openTransactionWaitMs,
    signal,
  });
  const sequences = await checkSequences(sql, reader, {
    ...{ topics: sequenceTopics, stateTopic: sequenceStateTopic(options.guarantee) },
    openTransactionWaitMs,
  });
  const placed = await sql<{ id: string }[]>`select order_id as id from orders`;
  const known = new Set(placed.map(({ id }) => id));
  const forgotten = [...ledger.acknowledged].filter((id) => !known.has(id));
  // From here on a process that ends is as it should be, or is not missed.
  ends.delete(asFinding);
  onProgress("what must halt");
  const onEnd: OnEnd = (listener) => (ends.add(listener), () => ends.delete(listener));
  const halts = [
    ...options.withoutFlowHalts ? [] : await flowMustHalt(arena, directory, onEnd, signal),
    // Last: no relay goes on after it.
    await restoredDatabase(arena, directory, onEnd, signal),
  ];
  return summary.report({
    ...{ ledger, forgotten, books, sequences, halts },
    recoveries: [...recoveries.done, ...calm],
  });
}

/** From Kafka 4.0 on a new cluster has protocol 2, unless it is told otherwise. */
function transactionProtocolOf({ kafkaVersion, transactionVersion }: TortureOptions): 1 | 2 {
  const level = transactionVersion ?? (Number.parseInt(kafkaVersion) >= 4 ? 2 : 0);
  return level >= 2 ? 2 : 1;
}

const childFile = new URL("./child.ts", import.meta.url).pathname;
const mainFile = new URL("../../../main.ts", import.meta.url).pathname;
