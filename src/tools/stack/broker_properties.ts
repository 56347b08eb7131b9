/** The settings of an embedded broker as a properties file. Pure: starts nothing, writes nothing. */

/** One member of the quorum. */
export interface Voter {
  readonly nodeId: number;
  /** The port of 127.0.0.1 that its controller listens on. */
  readonly controllerPort: number;
}

/** What makes one broker differ from another. */
export interface BrokerSettings {
  /** What the process is; broker and controller at once where absent. A controller alone has no use for `port`. */
  readonly roles?: "broker" | "controller";
  readonly nodeId: number;
  readonly port: number;
  readonly voters: readonly Voter[];
  readonly dataDirectory: string;
  /** Added last, so they win over ours: `min.insync.replicas`, `broker.session.timeout.ms`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** The lines of `server.properties`. Replication is that of the quorum's size, up to three. */
export function brokerProperties(broker: BrokerSettings): string {
  const replicas = Math.min(3, broker.voters.length);
  const inSync = Math.max(1, replicas - 1);
  const own = broker.voters.find((voter) => voter.nodeId === broker.nodeId);
  if (own === undefined && broker.roles !== "broker") {
    throw new RangeError(`Broker ${broker.nodeId} is not among its voters`);
  }
  const client = `PLAINTEXT://127.0.0.1:${broker.port}`;
  const listeners = [
    ...(broker.roles === "controller" ? [] : [client]),
    ...(own ? [`CONTROLLER://127.0.0.1:${own.controllerPort}`] : []),
  ];
  const properties: Record<string, string | number> = {
    "process.roles": broker.roles ?? "broker,controller",
    "node.id": broker.nodeId,
    "controller.quorum.voters": broker.voters
      .map((voter) => `${voter.nodeId}@127.0.0.1:${voter.controllerPort}`).join(","),
    "listeners": listeners.join(","),
    ...(broker.roles === "controller" ? {} : { "advertised.listeners": client }),
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "log.dirs": broker.dataDirectory,

    "auto.create.topics.enable": "false",
    "default.replication.factor": replicas,
    "min.insync.replicas": inSync,
    "offsets.topic.replication.factor": replicas,
    "transaction.state.log.replication.factor": replicas,
    "transaction.state.log.min.isr": inSync,
    "share.coordinator.state.topic.replication.factor": replicas,
    "share.coordinator.state.topic.min.isr": inSync,
    // Fifty partitions each are for large clusters; on one machine they are only files to open at start.
    "offsets.topic.num.partitions": 8,
    "transaction.state.log.num.partitions": 8,
    "share.coordinator.state.topic.num.partitions": 2,

    // A lone consumer joins at once, and a worker that was killed is missed soon.
    "group.initial.rebalance.delay.ms": 0,
    "group.min.session.timeout.ms": 1_000,

    // The cleaner takes 128 MiB of the heap by default, a quarter of ours.
    "log.cleaner.dedupe.buffer.size": 8 * 1024 * 1024,
    "num.network.threads": 2,
    "num.io.threads": 4,
    ...(broker.voters.length === 1 ? loneBroker : {}),
    ...broker.settings,
  };
  return Object.entries(properties).map(([name, value]) => `${name}=${value}\n`).join("");
}

/**
 * A broker that was killed may register again only when its last session has run out, 9 s after the start by default: a
 * wait for a failover that a lone broker has not got.
 */
const loneBroker = {
  "broker.session.timeout.ms": 3_000,
  "broker.heartbeat.interval.ms": 500,
  // Giving the leadership up in order has nobody to give it to, and leaves partitions without a leader while transactions
  // are still being completed. 4.2.2 ends those later all the same, but the end itself took more than 15 s (twice of two,
  // under load and with a class archive to write), and the controller has the last session fenced at the next start anyway.
  "controlled.shutdown.enable": "false",
};
