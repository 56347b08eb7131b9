/** A Kafka cluster and a Postgres of the torture's own, in a directory of its own. Never touches the user's stack. */
import { basename, join } from "node:path";
import { requireJava } from "../stack/java.ts";
import { kafkaJars } from "../stack/kafka_jars.ts";
import { freePort } from "../stack/ports.ts";
import type { Daemon } from "../stack/processes.ts";
import { databaseUrl } from "../stack/stack_state.ts";
import {
  awaitBroker,
  type BrokerOptions,
  newClusterId,
  startBroker,
} from "../stack/start_broker.ts";
import { awaitPostgres, type PostgresOptions, startPostgres } from "../stack/start_postgres.ts";
import { authorizerSettings, loginSettings } from "./authorizer.ts";
import { BrokerProxy } from "./broker_proxy.ts";
import { Interceptors } from "./interceptors.ts";
import { DatabaseProxy } from "./database_proxy.ts";
import { forgetList, keepList } from "./left_behind.ts";
import { daemonService, type Service } from "./service.ts";

/** What to start. */
export interface ClusterOptions {
  readonly directory: string;
  /** Jars and class archives that commands share. */
  readonly cacheDirectory: string;
  readonly kafkaVersion: string;
  /** The feature `transaction.version`; the release's own where absent. */
  readonly transactionVersion?: number;
  readonly brokers: 1 | 3;
  /**
   * A lone broker is its own controller with Kafka's own session timeout, as where people run one: killed and back within
   * that, it leads its partitions, loses them, and leads them again.
   */
  readonly ownController?: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
}

/** One broker and the proxy in front of it. */
export interface Broker extends Service {
  readonly nodeId: number;
  readonly proxy: BrokerProxy;
}

/** A running cluster. */
export interface PrivateCluster extends AsyncDisposable {
  readonly brokers: readonly Broker[];
  readonly postgres: Service;
  readonly interceptors: Interceptors;
  /** What the pipeline connects to: the proxies. */
  readonly proxiedBrokers: readonly string[];
  /** What checkers and tools connect to. */
  readonly directBrokers: readonly string[];
  readonly databaseUrl: string;
  /** What the processes of the pipeline connect to. */
  readonly database: DatabaseProxy;
  readonly jars: string;
}

/** Of each broker, behind its proxy. */
const pipelineListener = "PROXIED";

/** Short waits, so that a run sees many failovers. */
const shortSessions: Readonly<Record<string, string>> = {
  "broker.session.timeout.ms": "3000",
  "broker.heartbeat.interval.ms": "500",
};
/** What {@linkcode brokerProperties} would make shorter for a lone broker. */
const kafkasSessions: typeof shortSessions = {
  "broker.session.timeout.ms": "9000",
  "broker.heartbeat.interval.ms": "2000",
};
const brokerSettings: Readonly<Record<string, string>> = {
  "controller.quorum.election.timeout.ms": "500",
  "controller.quorum.fetch.timeout.ms": "1500",
  "controlled.shutdown.enable": "true",
  "offsets.topic.num.partitions": "4",
  "transaction.state.log.num.partitions": "4",
  "delete.topic.enable": "true",
  ...authorizerSettings,
  ...loginSettings(pipelineListener),
};

/** Starts it all, side by side. What was started is stopped when this fails. */
export async function startPrivateCluster(options: ClusterOptions): Promise<PrivateCluster> {
  const { directory, cacheDirectory, kafkaVersion: version, onProgress, signal } = options;
  const java = await requireJava();
  const jars = await kafkaJars({ version, cacheDirectory, onProgress, signal });
  await Deno.mkdir(join(directory, "logs"), { recursive: true });
  await using started = new AsyncDisposableStack();
  const keep = await keepList(directory);
  started.defer(() => forgetList(directory));
  const interceptors = new Interceptors();
  const clusterId = newClusterId();
  const nodeIds = Array.from({ length: options.brokers }, (_, index) => index + 1);
  // A lone broker gets a controller that outlives it. One that was controller too would come back with leaders that it
  // then loses while it registers anew; its transaction coordinator takes those partitions for deleted meanwhile and
  // drops the markers of prepared transactions for good (Kafka 4.3 and 4.4.0: "Couldn't find leader endpoint").
  const apart = options.brokers === 1 && !options.ownController;
  const voters = (apart ? [loneControllerId] : nodeIds)
    .map((nodeId) => ({ nodeId, controllerPort: freePort() }));
  const { transactionVersion } = options;
  const common = { voters, clusterId, jars, java, transactionVersion };
  const ports = nodeIds.map(() => ({
    direct: freePort(),
    behind: freePort(),
    proxied: freePort(),
  }));
  const archive = await existing(
    join(cacheDirectory, `${basename(jars)}-java-${java.version}.jsa`),
  );
  const controllers = apart ? [started.use(controllerService(common, directory, keep))] : [];
  const brokers = nodeIds.map((nodeId, index): Broker => {
    const own = voters.find((voter) => voter.nodeId === nodeId);
    const { direct = 0, behind = 0, proxied = 0 } = ports[index] ?? {};
    const proxy = started.use(
      new BrokerProxy({ nodeId, port: proxied, target: behind }, interceptors),
    );
    const settings = {
      ...brokerSettings,
      ...(options.ownController ? kafkasSessions : shortSessions),
      "listeners": `PLAINTEXT://127.0.0.1:${direct},${pipelineListener}://127.0.0.1:${behind}` +
        (own ? `,CONTROLLER://127.0.0.1:${own.controllerPort}` : ""),
      // A client gets the addresses of the listener that it came in by: those behind the proxy stay behind it.
      "advertised.listeners":
        `PLAINTEXT://127.0.0.1:${direct},${pipelineListener}://127.0.0.1:${proxied}`,
      "listener.security.protocol.map":
        `PLAINTEXT:PLAINTEXT,${pipelineListener}:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT`,
      "inter.broker.listener.name": "PLAINTEXT",
    };
    const broker: BrokerOptions = {
      // Faults end it again and again.
      ...{ ...common, nodeId, settings, archive, heapMiB: 384, shortLived: true },
      ...(apart && { roles: "broker" as const }),
      port: direct,
      dataDirectory: join(directory, `broker-${nodeId}`),
      logFile: join(directory, "logs", `broker-${nodeId}.log`),
    };
    const service = daemonService(`broker ${nodeId}`, "TERM", async () => {
      const daemon = await startBroker(broker);
      keep(daemon.identity);
      return { daemon, ready: () => awaitBroker(daemon, broker) };
    });
    return Object.assign(started.use(service), { nodeId, proxy });
  });
  const postgresPort = freePort();
  const database = started.use(new DatabaseProxy(databaseUrl(postgresPort, "onceflow")));
  const server: Omit<PostgresOptions, "before"> = {
    directory: join(directory, "postgres"),
    port: postgresPort,
    logFile: join(directory, "logs", "postgres.log"),
  };
  const postgres = started.use(daemonService("Postgres", "INT", async (before) => {
    const daemon = await startPostgres({ ...server, before });
    keep(daemon.identity);
    return { daemon, ready: () => awaitPostgres(daemon, server) };
  }));
  onProgress(`starting ${options.brokers} × Kafka ${version} and PostgreSQL in ${directory}`);
  await Promise.all([...controllers, ...brokers, postgres].map((service) => service.start()));
  const stack = started.move();
  return {
    ...{ brokers, postgres, interceptors, jars, database },
    proxiedBrokers: ports.map(({ proxied }) => `127.0.0.1:${proxied}`),
    directBrokers: ports.map(({ direct }) => `127.0.0.1:${direct}`),
    databaseUrl: database.databaseUrl,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** No broker of the cluster has it. */
const loneControllerId = 100;

/** The controller of a lone broker; no fault strikes it. Whether it works shows when the broker answers. */
function controllerService(
  common: Pick<BrokerOptions, "voters" | "clusterId" | "jars" | "java">,
  directory: string,
  keep: (identity: Daemon["identity"]) => void,
) {
  return daemonService("controller", "TERM", async () => {
    const daemon = await startBroker({
      ...common,
      nodeId: loneControllerId,
      roles: "controller",
      settings: authorizerSettings,
      port: 0,
      heapMiB: 192,
      shortLived: true,
      dataDirectory: join(directory, "controller"),
      logFile: join(directory, "logs", "controller.log"),
    });
    keep(daemon.identity);
    return { daemon, ready: () => Promise.resolve() };
  });
}

async function existing(path: string): Promise<string | undefined> {
  return await Deno.stat(path).then(() => path, () => undefined);
}
