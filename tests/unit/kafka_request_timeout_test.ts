import { DependencyDownError } from "../../src/engine/core/errors.ts";
import { createKafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { nativeSocketFactory } from "../../src/engine/kafka/patches/receive_buffer.ts";
import { installPatches } from "../../src/engine/kafka/patches/install_patches.ts";
import { createTopicDirectory } from "../../src/engine/kafka/topic_directory.ts";
import {
  connectionClass,
  encoderClass,
  socketFactory,
  type VendorConnection,
  type VendorLogger,
  type VendorProtocol,
} from "../../src/engine/kafka/vendor.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";

const logger: VendorLogger = {
  namespace: () => logger,
  debug() {},
  info() {},
  warn() {},
  error() {},
};

const empty = (apiName: string): VendorProtocol<unknown> => ({
  request: {
    apiKey: 18, // ApiVersions needs no authentication
    apiVersion: 0,
    apiName,
    encode: () => Promise.resolve(new (encoderClass())()),
  },
  response: { decode: (raw) => Promise.resolve(raw), parse: (data) => Promise.resolve(data) },
});

function connectionTo(port: number) {
  const Connection = connectionClass() as unknown as new (
    options: Record<string, unknown>,
  ) => VendorConnection & {
    connect(): Promise<unknown>;
    send(protocol: VendorProtocol<unknown>): Promise<unknown>;
  };
  return new Connection({
    host: "127.0.0.1",
    port: port,
    logger,
    socketFactory: nativeSocketFactory(socketFactory()()),
    requestTimeout: 150,
    connectionTimeout: 1_000,
    clientId: "test",
  });
}

/** Takes connections, and never says a word. */
function silentServer() {
  const server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const connection of server) accepted.push(connection);
  })();
  const close = async () => {
    server.close();
    await accepting.catch(() => {});
    for (const each of accepted) each.close();
  };
  return { port: server.addr.port, accepted, close };
}

Deno.test("a connection whose other side fell silent is dropped at the first timeout, with all that waits on it", async () => {
  installPatches();
  const { port, accepted, close } = silentServer();
  const connection = connectionTo(port);
  await connection.connect();
  const impatient = connection.send(empty("first"));
  const patient = connection.send({ ...empty("second"), requestTimeout: 60_000 });
  const dropped = assertRejects(() => patient, Error, "not answered in time");
  const late = await assertRejects(() => impatient, Error, "timed out");
  assertEquals(late.name, "KafkaJSRequestTimeoutError");
  await dropped;
  assertEquals(connection.isConnected(), false);

  await connection.connect();
  assertEquals(connection.isConnected(), true);
  await connection.disconnect();
  await close();
  assertEquals(accepted.length, 2, "the next request goes over a new connection");
});

Deno.test("topics that a silent cluster does not describe are a dependency that is down", async () => {
  const { port, close } = silentServer();
  const brokers = [`127.0.0.1:${port}`];
  const client = createKafkaClient({ brokers, clientId: "test", ssl: false });
  {
    await using topics = createTopicDirectory(client, undefined, 50);
    const error = await assertRejects(() => topics.lookUp(["orders"]), DependencyDownError);
    assertEquals(error.dependency, "kafka");
  }
  await close();
});

Deno.test("closing a connection waits half a second for answers, and no longer", async () => {
  installPatches();
  const { port, accepted, close } = silentServer();
  const connection = connectionTo(port);
  await connection.connect();
  const waiting = connection.send({ ...empty("first"), requestTimeout: 60_000 });
  const rejected = assertRejects(() => waiting, Error, "Closed the connection");
  await accepted[0]?.read(new Uint8Array(100)); // it is on its way
  const startedAt = performance.now();
  await connection.disconnect();
  assertEquals(performance.now() - startedAt < 5_000, true);
  await rejected;
  await close();
});

Deno.test("a clock that is stepped back keeps no request waiting, and no throttle", async () => {
  installPatches();
  const { port, close } = silentServer();
  const connection = connectionTo(port);
  await connection.connect();
  const waiting = connection.send(empty("before the step"));
  const { now } = Date;
  Date.now = () => now() - 3_600_000;
  try {
    await assertRejects(() => waiting, Error, "timed out");
  } finally {
    Date.now = now;
  }
  await connection.disconnect();
  await close();
});
