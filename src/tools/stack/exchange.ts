/** One bounded conversation over a loopback TCP connection. Knows no protocol. */

/** An open connection that reads exact numbers of bytes. */
export interface Exchange {
  send(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** @throws when the other side closes before `length` bytes came */
  receive(length: number): Promise<DataView<ArrayBuffer>>;
}

/** The largest piece that any answer read here may have. */
const receiveBytesMax = 1024 * 1024;

/**
 * Connects to 127.0.0.1, talks, and closes whatever happens.
 *
 * @throws the connection's error, or a TimeoutError after `waitMsMax`
 */
export async function exchange<T>(
  port: number,
  waitMsMax: number,
  talk: (exchange: Exchange) => Promise<T>,
): Promise<T> {
  // The connection to a loopback port answers or refuses at once; closing it is what ends a read that takes too long.
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  let tooLate = false;
  const close = () => {
    try {
      connection.close();
    } catch {
      // Closed already.
    }
  };
  const timer = setTimeout(() => {
    tooLate = true;
    close();
  }, waitMsMax);
  try {
    return await talk({
      send: async (bytes) => {
        for (let sent = 0; sent < bytes.length;) {
          sent += await connection.write(bytes.subarray(sent));
        }
      },
      receive: async (length) => {
        if (length < 0 || length > receiveBytesMax) throw new Error(`answer of ${length} bytes`);
        const bytes = new Uint8Array(length);
        for (let got = 0; got < length;) {
          const more = await connection.read(bytes.subarray(got));
          if (more === null) throw new Error("the connection was closed");
          got += more;
        }
        return new DataView(bytes.buffer);
      },
    });
  } catch (error) {
    if (tooLate) {
      throw new DOMException(`No answer on port ${port} in ${waitMsMax} ms`, "TimeoutError");
    }
    throw error;
  } finally {
    clearTimeout(timer);
    close();
  }
}
