/** Asks a broker who it is, with one Metadata request. Never a client: it reads no records and no topics. */
import { exchange } from "./exchange.ts";

/** What a broker says of its cluster. */
export interface ClusterAnswer {
  readonly clusterId: string;
  /** Brokers that take requests; a fenced one is not among them. */
  readonly brokers: number;
}

const metadata = { apiKey: 3, version: 2 } as const;

/** The cluster behind that port of 127.0.0.1; undefined when nothing there answers as a Kafka broker does. */
export async function kafkaPing(
  port: number,
  waitMsMax = 2_000,
): Promise<ClusterAnswer | undefined> {
  try {
    return await exchange(port, waitMsMax, async ({ send, receive }) => {
      await send(request());
      const length = (await receive(4)).getInt32(0);
      return parseAnswer(await receive(length));
    });
  } catch {
    return undefined;
  }
}

/** Metadata for no topics: length, api key, version, correlation id, client id "onceflow", an empty array. */
function request(): Uint8Array<ArrayBuffer> {
  const client = new TextEncoder().encode("onceflow");
  const view = new DataView(new ArrayBuffer(4 + 2 + 2 + 4 + 2 + client.length + 4));
  view.setInt32(0, view.byteLength - 4);
  view.setInt16(4, metadata.apiKey);
  view.setInt16(6, metadata.version);
  view.setInt32(8, 1);
  view.setInt16(12, client.length);
  new Uint8Array(view.buffer).set(client, 14);
  return new Uint8Array(view.buffer);
}

function parseAnswer(view: DataView<ArrayBuffer>): ClusterAnswer | undefined {
  let at = 4; // past the correlation id
  const text = () => {
    const length = view.getInt16(at);
    at += 2 + Math.max(0, length);
    return length < 0 ? undefined : new TextDecoder().decode(
      new Uint8Array(view.buffer, at - length, length),
    );
  };
  const brokers = view.getInt32(at);
  at += 4;
  for (let i = 0; i < brokers; i++) {
    at += 4; // node id
    text(); // host
    at += 4; // port
    text(); // rack
  }
  const clusterId = text();
  return clusterId === undefined || brokers === 0 ? undefined : { clusterId, brokers };
}
