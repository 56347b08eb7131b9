/** A broker of a test's own, which the test may end, empty and start again. */
import { basename, join } from "node:path";
import { createKafkaClient, type KafkaClient } from "../../src/kafka/kafka_client.ts";
import { kafkaVersion } from "../../src/stack/ensure_stack.ts";
import { requireJava } from "../../src/stack/java.ts";
import { kafkaJars } from "../../src/stack/kafka_jars.ts";
import { freePort } from "../../src/stack/ports.ts";
import { type Daemon, waitUntilGone } from "../../src/stack/processes.ts";
import { sendSignal } from "../../src/stack/send_signal.ts";
import {
  awaitBroker,
  type BrokerOptions,
  newClusterId,
  startBroker,
} from "../../src/stack/start_broker.ts";
import { root } from "./services.ts";

/** A lone broker. Disposing kills it and deletes its data. */
export interface OwnBroker extends AsyncDisposable {
  readonly client: KafkaClient;
  readonly jars: string;
  readonly port: number;
  /** Freezes it, or lets it go on: its sockets stay open and nothing is answered, as in a black hole of the network. */
  freeze(frozen: boolean): Promise<void>;
  /** Kills it, lets `act` work on its data directory, and starts it again. */
  restart(act: (dataDirectory: string) => Promise<void>): Promise<void>;
}

/** Starts it. */
export async function startOwnBroker(
  { version = kafkaVersion, settings }: Pick<BrokerOptions, "settings"> & {
    readonly version?: string;
  } = {},
): Promise<OwnBroker> {
  const cacheDirectory = `${root}.onceflow/cache`;
  const java = await requireJava();
  const jars = await kafkaJars({ version, cacheDirectory });
  const archive = join(cacheDirectory, `${basename(jars)}-java-${java.version}.jsa`);
  const directory = await Deno.makeTempDir({ dir: `${root}.onceflow`, prefix: "own-broker-" });
  const port = freePort();
  const options: BrokerOptions = {
    ...{ jars, java, port, clusterId: newClusterId(), heapMiB: 256, nodeId: 1 },
    voters: [{ nodeId: 1, controllerPort: freePort() }],
    archive: await Deno.stat(archive).then(() => archive, () => undefined),
    dataDirectory: join(directory, "data"),
    logFile: join(directory, "broker.log"),
    settings: {
      "transaction.state.log.num.partitions": "1",
      "offsets.topic.num.partitions": "1",
      ...settings,
    },
  };
  let daemon: Daemon;
  const start = async () => {
    daemon = await startBroker(options);
    await awaitBroker(daemon, options);
  };
  const kill = async () => {
    await sendSignal(daemon.mark, "KILL");
    await waitUntilGone(daemon.mark, { waitMsMax: 10_000 });
  };
  await start();
  return {
    client: createKafkaClient({ brokers: [`127.0.0.1:${port}`], clientId: "test", ssl: false }),
    jars,
    port,
    async freeze(frozen) {
      const args = [frozen ? "-STOP" : "-CONT", String(daemon.mark.pid)];
      const { success } = await new Deno.Command("/bin/kill", { args }).output();
      if (!success) throw new Error(`the broker (process ${daemon.mark.pid}) took no signal`);
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
