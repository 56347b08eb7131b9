/** A broker of a test's own, which the test may end, empty and start again. */
import { basename, join } from "node:path";
import { createKafkaClient, type KafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { kafkaVersion } from "../../src/tools/stack/ensure_stack.ts";
import { requireJava } from "../../src/tools/stack/java.ts";
import { kafkaJars } from "../../src/tools/stack/kafka_jars.ts";
import { freePort } from "../../src/tools/stack/ports.ts";
import { type Daemon, waitUntilGone } from "../../src/tools/stack/processes.ts";
import { sendSignal } from "../../src/tools/stack/send_signal.ts";
import {
  awaitBroker,
  type BrokerOptions,
  newClusterId,
  startBroker,
} from "../../src/tools/stack/start_broker.ts";
import { root } from "./services.ts";

/** Who may come to a broker that asks for a name and a password, and what it grants to nobody by itself. */
export interface BrokerSecurity {
  /** Each has its own name as password. Beside them everybody who comes over the plain listener may do anything. */
  readonly users: readonly string[];
  /** Users come over TLS: the file with the broker's key, in PKCS 12, and its password. */
  readonly keystore?: { readonly file: string; readonly password: string };
}

/** A lone broker. Disposing kills it and deletes its data. */
export interface OwnBroker extends AsyncDisposable {
  readonly client: KafkaClient;
  readonly jars: string;
  readonly port: number;
  /** The client of one of the users of {@linkcode BrokerSecurity}. */
  as(user: string, password?: string): KafkaClient;
  /** Freezes it, or lets it go on: its sockets stay open and nothing is answered, as in a black hole of the network. */
  freeze(frozen: boolean): Promise<void>;
  /** Kills it, lets `act` work on its data directory, and starts it again. */
  restart(act: (dataDirectory: string) => Promise<void>): Promise<void>;
}

/** Starts it. */
export async function startOwnBroker(
  { version = kafkaVersion, settings, security, jvm }: Pick<BrokerOptions, "settings" | "jvm"> & {
    readonly version?: string;
    readonly security?: BrokerSecurity;
  } = {},
): Promise<OwnBroker> {
  const cacheDirectory = `${root}.onceflow/cache`;
  const java = await requireJava();
  const jars = await kafkaJars({ version, cacheDirectory });
  const archive = join(cacheDirectory, `${basename(jars)}-java-${java.version}.jsa`);
  const directory = await Deno.makeTempDir({ dir: `${root}.onceflow`, prefix: "own-broker-" });
  const [port, securePort, controllerPort] = [freePort(), freePort(), freePort()];
  const options: BrokerOptions = {
    ...{ jars, java, port, clusterId: newClusterId(), heapMiB: 256, nodeId: 1, shortLived: true },
    jvm,
    voters: [{ nodeId: 1, controllerPort }],
    archive: await Deno.stat(archive).then(() => archive, () => undefined),
    dataDirectory: join(directory, "data"),
    logFile: join(directory, "broker.log"),
    settings: {
      "transaction.state.log.num.partitions": "1",
      "offsets.topic.num.partitions": "1",
      ...(security && secured(security, { port, securePort, controllerPort })),
      ...settings,
    },
  };
  let daemon: Daemon;
  const start = async () => {
    daemon = await startBroker(options);
    await awaitBroker(daemon, options);
  };
  const kill = async () => {
    await sendSignal(daemon.identity, "KILL");
    await waitUntilGone(daemon.identity, { waitMsMax: 10_000 });
  };
  await start();
  return {
    client: createKafkaClient({ brokers: [`127.0.0.1:${port}`], clientId: "test", ssl: false }),
    jars,
    port,
    as: (username, password = username) =>
      createKafkaClient({
        ...{ brokers: [`127.0.0.1:${securePort}`], clientId: "test", ssl: false },
        sasl: { mechanism: "plain", username, password },
      }),
    async freeze(frozen) {
      const args = [frozen ? "-STOP" : "-CONT", String(daemon.identity.pid)];
      const { success } = await new Deno.Command("/bin/kill", { args }).output();
      if (!success) throw new Error(`the broker (process ${daemon.identity.pid}) took no signal`);
    },
    async restart(act) {
      await kill();
      await act(options.dataDirectory);
      await start();
    },
    async [Symbol.asyncDispose]() {
      await kill();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/** A second listener that asks who comes, and an authorizer that allows nothing but what was granted. */
function secured(
  { users, keystore }: BrokerSecurity,
  ports: Readonly<Record<"port" | "securePort" | "controllerPort", number>>,
): Record<string, string> {
  const clients = `PLAINTEXT://127.0.0.1:${ports.port},USERS://127.0.0.1:${ports.securePort}`;
  const passwords = users.map((user) => `user_${user}="${user}"`).join(" ");
  return {
    "listeners": `${clients},CONTROLLER://127.0.0.1:${ports.controllerPort}`,
    "advertised.listeners": clients,
    "listener.security.protocol.map": `PLAINTEXT:PLAINTEXT,USERS:${
      keystore ? "SASL_SSL" : "SASL_PLAINTEXT"
    },CONTROLLER:PLAINTEXT`,
    "sasl.enabled.mechanisms": "PLAIN",
    "listener.name.users.plain.sasl.jaas.config":
      `org.apache.kafka.common.security.plain.PlainLoginModule required ${passwords};`,
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
    ...(keystore && {
      "ssl.keystore.location": keystore.file,
      "ssl.keystore.password": keystore.password,
    }),
  };
}
