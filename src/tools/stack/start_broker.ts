/** Starts one Kafka broker as a process of its own. Never stops it, and keeps no record of it: the caller does. */
import { join } from "node:path";
import { brokerProperties, type BrokerSettings } from "./broker_properties.ts";
import type { Java } from "./java.ts";
import { type ClusterAnswer, kafkaPing } from "./kafka_ping.ts";
import { lastLines } from "./last_lines.ts";
import { kafkaResource } from "./paths.ts";
import { type Daemon, startDaemon } from "./processes.ts";
import { StackError } from "./stack_error.ts";
import { waitFor } from "./wait.ts";

/** Everything that one broker needs; `dataDirectory` is made and formatted when it is new. */
export interface BrokerOptions extends BrokerSettings {
  /** Shared by the brokers of one cluster: 16 bytes in base64url, see {@linkcode newClusterId}. */
  readonly clusterId: string;
  /** The directory with the jars of the version to run, from `kafkaJars`. */
  readonly jars: string;
  readonly java: Java;
  readonly logFile: string;
  readonly heapMiB?: number;
  /** The feature `transaction.version` of a new cluster; the release's own where absent. */
  readonly transactionVersion?: number;
  /** Where classes are kept parsed between starts (class data sharing); without it every start reads the jars. */
  readonly archive?: string;
  /** It lives for a minute or so: the JVM's second compiler would cost it more than it gives back. */
  readonly shortLived?: boolean;
  /** Flags for its JVM beside ours, such as `-Dname=value`. */
  readonly jvm?: readonly string[];
  readonly signal?: AbortSignal;
}

/** Far more than a start takes: a busy machine is slow, and a process that has ended is noticed at once. */
const startMsMax = 180_000;

/** Formats the data directory when it is new and starts the broker; it does not answer yet, see {@linkcode awaitBroker}. */
export async function startBroker(options: BrokerOptions): Promise<Daemon> {
  const { dataDirectory, logFile } = options;
  await Deno.mkdir(dataDirectory, { recursive: true });
  const properties = `${dataDirectory}.properties`;
  await Deno.writeTextFile(properties, brokerProperties(options));
  const archive = options.archive === undefined ? [] : await archiveFlags(options.archive);
  if (await clusterIdOf(dataDirectory) === undefined) await format(options, properties);
  return await startDaemon({
    command: "java",
    args: [
      ...heapFlags(options.heapMiB ?? 512),
      ...jvmFlags(options),
      ...archive,
      ...options.jvm ?? [],
      "kafka.Kafka",
      properties,
    ],
    cwd: dataDirectory,
    env: {},
    outputFile: `${logFile}.out`,
  });
}

/**
 * Waits until the broker at that port answers as a member of that cluster.
 *
 * @throws {StackError} with the end of its log when it ended or the time is over
 */
export async function awaitBroker(
  daemon: Daemon,
  options: Pick<BrokerOptions, "port" | "clusterId" | "logFile" | "signal">,
  waitMsMax = startMsMax,
): Promise<ClusterAnswer> {
  const { port, clusterId, logFile, signal } = options;
  const answer = await waitFor(async () => {
    const end = daemon.exited();
    if (end !== undefined) throw await failure(`it ended with ${end}`, logFile);
    const answer = await kafkaPing(port);
    return answer?.clusterId === clusterId ? answer : undefined;
  }, { waitMsMax, signal });
  if (answer !== undefined) return answer;
  throw await failure(`it does not answer on port ${port} after ${waitMsMax / 1000} s`, logFile);
}

/** A new cluster id as Kafka writes them. Never one that begins with "-": its tools take that for an option. */
export function newClusterId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes.set([(bytes[0] ?? 0) & 0x7f]);
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** The cluster id that a data directory was formatted with; undefined when it is new. */
export async function clusterIdOf(dataDirectory: string): Promise<string | undefined> {
  const file = join(dataDirectory, "meta.properties");
  const text = await Deno.readTextFile(file).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return "";
  });
  return text.match(/^cluster\.id=(\S+)$/m)?.[1];
}

/**
 * Half of the heap is for what dies young. With the JVM's own choice the broker stood still for 18 ms every 1.2 s at a
 * thousand records a second, and a latency's 99th percentile showed little else (36 ms); so it does every 4 s (26 ms). What
 * has outlived two collections is moved on, and not copied in each of the next thirteen.
 */
function heapFlags(heapMiB: number): string[] {
  return [
    `-Xmx${heapMiB}m`,
    `-Xms${Math.floor(heapMiB * 0.75)}m`,
    `-Xmn${Math.floor(heapMiB / 2)}m`,
    "-XX:MaxTenuringThreshold=2",
  ];
}

/**
 * The JVM's flags beside the heap. With 512 MiB and few cores the serial collector starts a quarter sooner than G1 and
 * costs a broker nothing that can be seen; the compiler keeps all its tiers, since the same broker serves benchmarks. One that
 * lives for a minute does without: a test of two nodes took 48 s of processor time in the place of 74.
 */
function jvmFlags({ jars, logFile, shortLived }: BrokerOptions): string[] {
  return [
    ...(shortLived ? ["-XX:TieredStopAtLevel=1"] : []),
    "-XX:+UseSerialGC",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",
    "-Xshare:auto",
    // An archive of another Java or of moved jars is passed over: no reason for a word on the console.
    "-Xlog:cds=off",
    "-Xlog:cds+dynamic=off",
    "-Djava.awt.headless=true",
    `-Donceflow.log=${logFile}`,
    `-Dlog4j2.configurationFile=file:${kafkaResource("log4j2.properties")}`,
    "-cp",
    join(jars, "*"),
  ];
}

/** Uses the archive, or has this run write one when it ends; stopStack gives that one its name. */
async function archiveFlags(archive: string): Promise<string[]> {
  const has = await Deno.stat(archive).then((file) => file.size > 0, () => false);
  if (has) return [`-XX:SharedArchiveFile=${archive}`];
  await Deno.remove(`${archive}.new`).catch(() => {});
  return [`-XX:ArchiveClassesAtExit=${archive}.new`];
}

async function format(options: BrokerOptions, properties: string): Promise<void> {
  const { transactionVersion: level } = options;
  const features = level === undefined ? [] : ["--feature", `transaction.version=${level}`];
  const run = await new Deno.Command("java", {
    args: [
      ...jvmFlags({ ...options, shortLived: true }),
      "kafka.tools.StorageTool",
      ...["format", "--cluster-id", options.clusterId, "--config", properties, ...features],
    ],
    stdin: "null",
    signal: options.signal,
  }).output();
  options.signal?.throwIfAborted();
  if (run.success) return;
  const output = new TextDecoder().decode(run.stdout) + new TextDecoder().decode(run.stderr);
  throw new StackError(
    `Cannot format Kafka's data directory ${options.dataDirectory}:\n${output.trim()}`,
  );
}

async function failure(what: string, logFile: string): Promise<StackError> {
  if (await isOfNewerKafka(logFile)) {
    return new StackError(
      `Cannot start Kafka: its data was made by a newer version, and this one cannot read it. ` +
        `Delete the data of the embedded stack with "deno task stack reset" (Kafka's and ` +
        `PostgreSQL's, which belong together) and start again. Kafka's log is ${logFile}`,
    );
  }
  const tail = await lastLines(logFile, 8, / (ERROR|FATAL) /) ||
    await lastLines(`${logFile}.out`, 8);
  return new StackError(
    `Cannot start Kafka: ${what}. Its log is ${logFile}${tail ? `, and says:\n${tail}` : ""}`,
  );
}

/** A field or a feature that this version has never heard of, in the log of the cluster's metadata. */
async function isOfNewerKafka(logFile: string): Promise<boolean> {
  const log = await Deno.readTextFile(logFile).catch(() => "");
  return [
    /MetadataParseException|Can't read version \d+ of |No MetadataVersion with feature level/,
    /FeatureLevelRecord.*but this controller only supports versions/,
  ].some((pattern) => pattern.test(log));
}
