/** A TCP proxy that can fall silent: what is sent to it is taken, and nothing is answered, as in a black hole. */

/** Disposing cuts all of its connections. */
export interface SilentProxy extends AsyncDisposable {
  /** The same address through the proxy. */
  readonly url: string;
  /** From now on nothing passes, on new connections either. */
  fallSilent(): void;
}

/** Listens in front of the server of this address. */
export function silentProxy(address: string): SilentProxy {
  const behind = new URL(address);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.TcpConn>();
  const pipes = new Set<Promise<void>>();
  let isSilent = false;
  const pipe = async (from: Deno.TcpConn, to: Deno.TcpConn) => {
    try {
      for await (const bytes of from.readable) {
        // One write at a time: what the other end has not taken waits here.
        for (let sent = 0; !isSilent && sent < bytes.length;) {
          sent += await to.write(bytes.subarray(sent));
        }
      }
    } catch {
      // Either end may be gone.
    }
    for (const end of isSilent ? [from] : [from, to]) close(end);
  };
  const close = (connection: Deno.TcpConn) => {
    if (!open.delete(connection)) return;
    try {
      connection.close();
    } catch {
      // Its stream has closed it.
    }
  };
  const serving = (async () => {
    for await (const client of listener) {
      const server = await Deno.connect({
        hostname: behind.hostname,
        port: Number(behind.port),
      });
      for (const end of [client, server]) open.add(end);
      for (const done of [pipe(client, server), pipe(server, client)]) {
        pipes.add(done);
        done.finally(() => pipes.delete(done));
      }
    }
  })();
  const url = new URL(address);
  url.host = `127.0.0.1:${listener.addr.port}`;
  return {
    url: url.href,
    fallSilent: () => void (isSilent = true),
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
      open.forEach(close);
      await Promise.all(pipes);
    },
  };
}
