/** A TCP proxy before Postgres that can refuse connections, as a stopped server does. Only for tests. */

export interface CutProxy extends AsyncDisposable {
  /** The same database through the proxy. */
  readonly url: string;
  /** Ends every connection, or the one that was opened last; new ones are let through. */
  cut(which?: "last"): void;
  /** Ends every connection and refuses new ones. */
  down(): void;
  /** Listens on the same port again. */
  up(): void;
}

/** `onSent` is called before each piece of what a client sends is passed on. */
export function cutProxy(databaseUrl: string, onSent: () => void = () => {}): CutProxy {
  const behind = new URL(databaseUrl);
  const open = new Set<Deno.TcpConn>();
  const serving: Promise<void>[] = [];
  let listener: Deno.TcpListener | undefined;

  const listen = (port: number) => {
    const listening = listener = Deno.listen({ hostname: "127.0.0.1", port });
    serving.push(serve(listening));
  };
  const serve = async (listening: Deno.TcpListener) => {
    const pipes: Promise<unknown>[] = [];
    for await (const client of listening) {
      const server = await Deno.connect({ hostname: behind.hostname, port: Number(behind.port) });
      pipes.push(pipe(client, server, onSent), pipe(server, client));
    }
    await Promise.all(pipes);
  };
  const pipe = async (from: Deno.TcpConn, to: Deno.TcpConn, onPiece = () => {}) => {
    open.add(from);
    const watched = from.readable.pipeThrough(
      new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform(piece, controller) {
          onPiece();
          controller.enqueue(piece);
        },
      }),
    );
    // Either end may be gone already; that is what this proxy is for.
    await watched.pipeTo(to.writable).catch(() => {});
    open.delete(from);
  };
  const cut = (which?: "last") => {
    // Of each connection the client's end was opened before the server's.
    for (const connection of which === "last" ? [...open].slice(-2) : [...open]) {
      open.delete(connection);
      try {
        connection.close();
      } catch {
        // Closed by its peer in this moment.
      }
    }
  };

  const down = () => {
    listener?.close();
    listener = undefined;
    cut();
  };

  listen(0);
  const port = listener?.addr.port ?? 0;
  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${port}`;
  return {
    url: url.href,
    cut,
    down,
    up: () => listen(port),
    async [Symbol.asyncDispose]() {
      down();
      await Promise.all(serving);
    },
  };
}
