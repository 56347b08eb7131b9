import { Buffer } from "node:buffer";
import Connection from "kafkajs/src/network/connection.js";
import Encoder from "kafkajs/src/protocol/encoder.js";
import {
  assert,
  assertEquals,
  assertGreater,
  assertRejects,
  assertStringIncludes,
} from "../support/assert.ts";
import {
  nativeSocketFactory,
  type SocketFactory,
  type SocketLike,
  withoutEmptyRest,
} from "../../src/engine/kafka/patches/receive_buffer.ts";

const noTls: SocketFactory = () => {
  throw new Error("this test speaks no TLS");
};
const open = nativeSocketFactory(noTls);

/** A server of one connection that runs `serve` on it. */
function server(serve: (connection: Deno.TcpConn) => Promise<void>) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = listener.accept().then(async (connection) => {
    try {
      await serve(connection);
    } finally {
      connection.close();
    }
  });
  const { port } = listener.addr;
  return {
    port,
    async [Symbol.asyncDispose]() {
      await served.catch(() => {});
      listener.close();
    },
  };
}

function frame(length: number, fill: number): Buffer {
  const bytes = Buffer.alloc(4 + length, fill);
  bytes.writeInt32BE(length);
  return bytes;
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

/** The frames that arrive until the other side closes, or the error. */
function collect(socket: SocketLike): Promise<Buffer[]> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer[]>();
  const frames: Buffer[] = [];
  socket.on("data", (bytes) => {
    assert(Buffer.isBuffer(bytes));
    frames.push(bytes);
  });
  socket.on("end", () => resolve(frames));
  socket.on("error", reject);
  return promise;
}

const lengths = [0, 1, 100, 65_531, 65_532, 65_533, 300_000, 3, 2_000_000, 70_000, 0];

for (const pieceBytes of [1_000_000_000, 50_000, 4_099]) {
  Deno.test(`answers arrive whole and in order when sent in pieces of ${pieceBytes}`, async () => {
    const sent = lengths.map((length, i) => frame(length, i + 1));
    const stream = Buffer.concat(sent);
    await using target = server(async (connection) => {
      for (let at = 0; at < stream.length; at += pieceBytes) {
        await writeAll(connection, stream.subarray(at, at + pieceBytes));
      }
    });
    const found = await collect(open({ host: "127.0.0.1", port: target.port, onConnect() {} }));
    assertEquals(found.map(({ length }) => length), sent.map(({ length }) => length));
    assert(found.every((bytes, i) => sent[i]?.equals(bytes)));
  });
}

Deno.test("what was written before the connection stood arrives, in order, and before the close", async () => {
  const sent = Array.from({ length: 20 }, (_, i) => frame(i * 10_007, i));
  const total = Buffer.concat(sent);
  const received: Uint8Array[] = [];
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  {
    await using target = server(async (connection) => {
      for await (const bytes of connection.readable.values({ preventCancel: true })) {
        received.push(bytes);
      }
      resolve();
    });
    const { promise: connected, resolve: onConnect } = Promise.withResolvers<void>();
    const socket = open({ host: "localhost", port: target.port, onConnect });
    for (const bytes of sent) socket.write(bytes);
    await connected;
    socket.end();
    await closed.catch(() => {});
  }
  assert(total.equals(Buffer.concat(received)));
});

Deno.test("a port that nobody listens on is an error with its code", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const error = await assertRejects(
    () => collect(open({ host: "127.0.0.1", port, onConnect() {} })),
    Deno.errors.ConnectionRefused,
  );
  assertEquals(Reflect.get(error, "code"), "ECONNREFUSED");
});

Deno.test("an answer that no Kafka would send is an error", async () => {
  await using target = server((connection) => writeAll(connection, Buffer.from("HTTP/1.1 400")));
  const error = await assertRejects(
    () => collect(open({ host: "127.0.0.1", port: target.port, onConnect() {} })),
    RangeError,
  );
  assertStringIncludes(error.message, "no Kafka");
});

Deno.test("a socket that was ended closes although nobody takes what was written", async () => {
  const { promise: received, resolve } = Promise.withResolvers<number>();
  const { promise: closed, resolve: onClose } = Promise.withResolvers<void>();
  await using target = server(async (connection) => {
    await closed;
    let total = 0;
    const some = new Uint8Array(1_000_000);
    for (let read; (read = await connection.read(some).catch(() => null));) total += read;
    resolve(total);
  });
  const { promise: connected, resolve: onConnect } = Promise.withResolvers<void>();
  const hasty = nativeSocketFactory(noTls, { flushMsMax: 1, onClose });
  const socket = hasty({ host: "127.0.0.1", port: target.port, onConnect });
  await connected;
  const bytes = 64 * 1024 * 1024;
  socket.write(new Uint8Array(bytes));
  socket.end();
  assertGreater(bytes, await received);
});

Deno.test("connections with ssl are left to kafkajs", () => {
  const theirs: SocketLike = { on() {}, write() {}, end() {}, unref() {} };
  const factory = nativeSocketFactory(() => theirs);
  assertEquals(factory({ host: "x", port: 1, ssl: {}, onConnect() {} }), theirs);
});

Deno.test("kafkajs's connection gets its answers through it, without copying them", async () => {
  const answers = [10, 3_000_000, 20, 300_000];
  await using target = server(async (connection) => {
    const header = new Uint8Array(4096);
    for (const length of answers) {
      const read = await connection.read(header);
      const correlationId = Buffer.from(header.subarray(0, read ?? 0)).readInt32BE(8);
      const answer = frame(4 + length, 7);
      answer.writeInt32BE(correlationId, 4);
      await writeAll(connection, answer);
    }
    await connection.read(header);
  });
  const logger = { namespace: () => logger, debug() {}, info() {}, warn() {}, error() {} };
  let received: Buffer | undefined;
  const connection = new Connection({
    host: "127.0.0.1",
    port: target.port,
    logger,
    socketFactory: (options: Parameters<SocketFactory>[0]) => {
      const socket = open(options);
      return {
        on: (event: "data", listener: (detail: unknown) => void) =>
          socket.on(event, (detail) => {
            if (Buffer.isBuffer(detail)) received = detail;
            listener(detail);
          }),
        write: socket.write.bind(socket),
        end: socket.end.bind(socket),
        unref: socket.unref.bind(socket),
      };
    },
    requestTimeout: 10_000,
    connectionTimeout: 1_000,
    enforceRequestTimeout: false,
    clientId: "test",
  });
  connection.processData = withoutEmptyRest(Connection.prototype.processData);
  await connection.connect();
  connection.authenticatedAt = [0, 0];
  for (const length of answers) {
    const payload: Buffer = await connection.send({
      request: {
        apiKey: 18,
        apiVersion: 0,
        apiName: "ApiVersions",
        encode: () => Promise.resolve(new Encoder().writeInt32(1)),
      },
      response: {
        decode: (bytes: Buffer) => Promise.resolve(bytes),
        parse: (bytes: Buffer) => Promise.resolve(bytes),
      },
    });
    assertEquals(payload.length, length);
    assertEquals(payload.buffer, received?.buffer);
  }
  await connection.disconnect();
});
