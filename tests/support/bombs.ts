/** Records that are small on the wire and huge once they are unpacked, made without holding them in memory. */
import { Buffer } from "node:buffer";
import { createGzip, createZstdCompress } from "node:zlib";
import kafkajs, { type Message } from "kafkajs";

/** The codecs' numbers in a batch's attributes. */
export const compression = { none: 0, gzip: 1, zstd: 4 } as const;

const { CompressionCodecs } = kafkajs as unknown as {
  CompressionCodecs: Record<
    number,
    () => { compress(encoder: { buffer: Buffer }): Promise<Buffer> }
  >;
};

/** What kafkajs is to send as the records of the next batches, whatever it was given. */
let handMade: Buffer | undefined;

for (const codec of [compression.gzip, compression.zstd]) {
  CompressionCodecs[codec] = () => ({
    compress: ({ buffer }) => handMade ? Promise.resolve(handMade) : squeeze(codec, [buffer]),
  });
}

/** Sends one batch of `count` records to partition 0, each with a value of so many zeros. */
export async function sendZeros(
  brokers: readonly string[],
  topic: string,
  codec: 1 | 4,
  { bytes, count = 1 }: { readonly bytes: number; readonly count?: number },
): Promise<void> {
  const chunk = Buffer.alloc(1 << 20);
  function* records() {
    for (let i = 0; i < count; i++) {
      const head = [0, 0, ...varint(i), 1, ...varint(bytes)]; // attributes, time, offset, no key
      yield Buffer.from([...varint(head.length + bytes + 1), ...head]);
      for (let left = bytes; left > 0; left -= chunk.length) yield chunk.subarray(0, left);
      yield Buffer.of(0); // no headers
    }
  }
  handMade = await squeeze(codec, records());
  try {
    const messages = Array.from({ length: count }, () => ({ value: "", timestamp: "0" }));
    await sendBatch(brokers, topic, codec, messages);
  } finally {
    handMade = undefined;
  }
}

/** Sends one batch to partition 0. */
export async function sendBatch(
  brokers: readonly string[],
  topic: string,
  codec: number,
  messages: readonly Message[],
): Promise<void> {
  const kafka = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING });
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  try {
    await producer.send({
      topic,
      compression: codec,
      messages: messages.map((message) => ({ ...message, partition: 0 })),
    });
  } finally {
    await producer.disconnect();
  }
}

async function squeeze(codec: number, parts: Iterable<Buffer>): Promise<Buffer> {
  const stream = codec === compression.gzip ? createGzip({ level: 1 }) : createZstdCompress();
  const chunks: Buffer[] = [];
  const ended = new Promise<void>((resolve, reject) => {
    stream.on("data", (chunk: Buffer) => chunks.push(chunk)).on("end", resolve).on("error", reject);
  });
  for (const part of parts) {
    if (!stream.write(part)) await new Promise((drained) => stream.once("drain", drained));
  }
  stream.end();
  await ended;
  return Buffer.concat(chunks);
}

/** Zigzag, seven bits a byte. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  let left = value * 2;
  for (; left > 127; left = Math.floor(left / 128)) bytes.push(left % 128 + 128);
  return [...bytes, left];
}
