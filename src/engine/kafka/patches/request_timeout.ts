/**
 * Drops a connection on which a request timed out, as the Java client's `NetworkClient` does.
 *
 * kafkajs keeps it. When the other side has gone without a word (a half-open connection), every later request on it times
 * out as well: the process goes on and its partitions stand still for ever.
 */
import { connectionClass, type VendorConnection } from "../vendor.ts";

/** What all requests that wait on the dropped connection are told; their owners connect anew or start over. */
export class ConnectionDroppedError extends Error {
  override name = "KafkaJSConnectionClosedError";
  readonly retriable = true;

  constructor(readonly host: string, readonly port: number) {
    super(`Closed the connection to ${host}:${port}: a request on it was not answered in time`);
  }
}

export function patchRequestTimeout(): void {
  const prototype = connectionClass().prototype;
  const { send } = prototype;
  prototype.send = async function (protocol) {
    try {
      return await send.call(this, protocol);
    } catch (error) {
      if (error instanceof Error && error.name === "KafkaJSRequestTimeoutError") drop(this);
      throw error;
    }
  };
}

/** Several requests may time out at a time: the first one drops, the others find it done. */
function drop(connection: VendorConnection): void {
  if (!connection.isConnected()) return;
  connection.rejectRequests(new ConnectionDroppedError(connection.host, connection.port));
  // What had arrived of an answer must not be taken for the beginning of the next connection's.
  connection.chunks = [];
  connection.bytesBuffered = 0;
  connection.bytesNeeded = responseSizeBytes;
  connection.disconnect().catch(() => {});
}

/** An answer begins with its size, an int32. */
const responseSizeBytes = 4;
