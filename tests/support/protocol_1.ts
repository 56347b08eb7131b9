/** A broker of its own whose cluster has not agreed on transaction protocol 2. */
import { fileURLToPath } from "node:url";
import { createKafkaClient, type KafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { createTransactions } from "../../src/engine/kafka/transactions.ts";
import { untilAnswered } from "../../src/engine/kafka/until_answered.ts";
import { kafkaVersion } from "../../src/tools/stack/ensure_stack.ts";
import { pipelineUser } from "../../src/tools/torture/authorizer.ts";
import {
  type PrivateCluster,
  startPrivateCluster,
} from "../../src/tools/torture/private_cluster.ts";
import { freshTopics, uniqueName } from "./kafka.ts";

const root = fileURLToPath(new URL("../../.onceflow", import.meta.url));

/** Ends with all that is on its disk when it is disposed of. */
export async function startProtocol1(
  version = kafkaVersion,
  log: (line: string) => void = () => {},
): Promise<AsyncDisposable & { readonly cluster: PrivateCluster; readonly client: KafkaClient }> {
  await using opened = new AsyncDisposableStack();
  const directory = `${root}/protocol-1-${crypto.randomUUID().slice(0, 8)}`;
  await Deno.mkdir(directory, { recursive: true });
  opened.defer(() => Deno.remove(directory, { recursive: true }));
  const cluster = opened.use(
    await startPrivateCluster({
      ...{ directory, cacheDirectory: `${root}/cache`, kafkaVersion: version, brokers: 1 },
      transactionVersion: version.startsWith("3.") ? undefined : 0,
      onProgress: (line) => log(line),
      signal: new AbortController().signal,
    }),
  );
  const client = createKafkaClient({
    brokers: cluster.proxiedBrokers,
    clientId: "onceflow-test",
    ssl: false,
    // The listener behind the proxy asks who comes.
    sasl: { mechanism: "plain", username: pipelineUser, password: pipelineUser },
  });
  await groupsLoaded(client);
  const kept = opened.move();
  return { cluster, client, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Waits until a new cluster's group coordinators answer: as a lane does, which reads its offset before it commits. */
async function groupsLoaded(client: KafkaClient): Promise<void> {
  const [topic = ""] = await freshTopics(client, 1, "first");
  await using transactions = createTransactions(client, { transactionTimeoutMs: 20_000 });
  // More groups than the offsets topic has partitions, so that each of those is asked.
  const groups = Array.from({ length: 40 }, () => uniqueName("group"));
  await untilAnswered(
    "read the first offsets",
    () => Promise.all(groups.map((id) => transactions.stableOffset(id, { topic, partition: 0 }))),
    { signal: AbortSignal.timeout(60_000) },
  );
}
