/** What every part of the benchmark works with: topics that go away again, filled inputs, the probe, the broker's CPU. */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Config } from "../../config.ts";
import type { Services } from "../../app/compose/services.ts";
import { createKafkaClient, type KafkaClient } from "../../engine/kafka/kafka_client.ts";
import { kafkaVersion } from "../stack/ensure_stack.ts";
import { plainLogin } from "../plain_login.ts";
import { findStack } from "../stack/find_stack.ts";
import { kafkaJars } from "../stack/kafka_jars.ts";
import { outputOf } from "../stack/processes.ts";
import { compileProbe } from "./compile_probe.ts";
import { fillTopic, type InputForm } from "./fill_topic.ts";
import type { Job } from "./job.ts";
import type { MeasuredCommand } from "./measured_process.ts";
import type { BenchPlan } from "./plan.ts";
import { openProbe, type Probe } from "./probe.ts";

/** See the file's first line. */
export interface BenchContext extends AsyncDisposable {
  readonly config: Config;
  readonly services: Services;
  readonly client: KafkaClient;
  readonly plan: BenchPlan;
  readonly probe: Probe;
  readonly signal: AbortSignal;
  /** Below `.onceflow`; for compiled and built things. */
  readonly cacheDirectory: string;
  readonly jars: string;
  /** Makes a topic whose name ends in `name`, and a dead-letter topic beside it. */
  topic(name: string, partitions: number): Promise<string>;
  /** Deletes it early, to save the disk. */
  drop(topic: string): Promise<void>;
  /** A topic with that many events; the same one for the same arguments. */
  input(count: number, form: InputForm): Promise<string>;
  /** A job with the usual values, and these. */
  job(given: Partial<Job> & Pick<Job, "input" | "output" | "group">): Job;
  /** Another probe, for looking while the first one works. */
  openProbe(): Promise<Probe>;
  /** Processor time of the embedded broker so far, milliseconds; undefined for a cluster of the user's own. */
  brokerCpuMs(): Promise<number | undefined>;
  /** What is going on, for a person. */
  readonly say: (line: string) => void;
}

/** What a context needs from outside. */
export interface ContextOptions {
  readonly plan: BenchPlan;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

const ticksPerSecond = 100; // USER_HZ, the same on every Linux

/** Connects; compiles the probe where that was not done yet. Disposing deletes every topic that was made. */
export async function openContext(
  config: Config,
  services: Services,
  { plan, signal, say }: ContextOptions,
): Promise<BenchContext> {
  const cacheDirectory = resolve(config.STACK_DIR, "bench");
  const jars = await kafkaJars({
    version: kafkaVersion,
    cacheDirectory: resolve(config.STACK_DIR, "cache"),
    onProgress: say,
    signal,
  });
  const classPath = await compileProbe({ jars, cacheDirectory }, signal);
  const connection = {
    brokers: services.kafka.brokers,
    ssl: services.kafka.ssl,
    sasl: plainLogin(services.kafka),
  };
  const probe = await openProbe(connection, classPath, signal);
  const client = createKafkaClient({ ...services.kafka, clientId: "onceflow-bench" });
  const run = crypto.randomUUID().slice(0, 8);
  const topics = new Set<string>();
  const inputs = new Map<string, Promise<string>>();
  const stack = services.embedded ? await findStack(config.STACK_DIR) : undefined;
  const make = async (name: string, partitions: number) => {
    const topic = `onceflow-bench.${run}.${name}`;
    await probe.create([topic, `${topic}.DLQ`], partitions);
    topics.add(topic);
    return topic;
  };
  const drop = async (topic: string) => {
    topics.delete(topic);
    await probe.delete([topic, `${topic}.DLQ`]);
  };
  return {
    config,
    services,
    client,
    plan,
    probe,
    signal,
    say,
    cacheDirectory,
    jars,
    topic: make,
    drop,
    input(count, form) {
      const { partitions, traced } = form;
      const name = `in-${count}-${partitions}${traced ? "-traced" : ""}`;
      let filled = inputs.get(name);
      if (!filled) {
        filled = make(name, partitions).then(async (topic) => {
          await fillTopic(client, topic, { count, signal, ...form });
          return topic;
        });
        inputs.set(name, filled);
      }
      return filled;
    },
    job: (given) => ({
      brokers: [...services.kafka.brokers],
      guarantee: "exactly-once",
      records: 0,
      batch_records: config.BATCH_RECORDS_MAX,
      send_records: config.BATCH_RECORDS_MAX,
      kafka: { ...services.kafka, brokers: [...services.kafka.brokers] },
      work: "plain",
      database_url: services.databaseUrl,
      partitions: 4,
      session_timeout_ms: config.SESSION_TIMEOUT_MS,
      ...given,
      group: `bench-${run}-${given.group}`,
    }),
    openProbe: () => openProbe(connection, classPath, signal),
    async brokerCpuMs() {
      if (!stack) return undefined;
      return await cpuMsOf(stack.kafka.pid);
    },
    async [Symbol.asyncDispose]() {
      // After an interrupt the probe is gone, and topics with a run's name stay: they are told apart by it.
      for (const topic of [...topics]) await drop(topic).catch(() => {});
      await probe[Symbol.asyncDispose]();
    },
  };
}

/** User and system time of a process, milliseconds; undefined where the system does not tell. */
export async function cpuMsOf(pid: number): Promise<number | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  const stat = await outputOf("/bin/cat", [`/proc/${pid}/stat`]);
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (!fields) return undefined;
  return (Number(fields[11]) + Number(fields[12])) * 1_000 / ticksPerSecond;
}

/** How one of our own files is run as a measured process, with no more than it needs. */
export function ownProcess(file: string): MeasuredCommand {
  return {
    command: Deno.execPath(),
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--no-check",
      "-P=onceflow",
      fileURLToPath(new URL(file, import.meta.url)),
    ],
    cwd: fileURLToPath(new URL("../../../", import.meta.url)),
  };
}
