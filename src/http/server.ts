/** Listens for HTTP, and stops without cutting off a request in hand. Prints nothing. */

/** A server that listens. */
export interface HttpServer extends AsyncDisposable {
  readonly host: string;
  /** The port it really listens on, where 0 was asked for. */
  readonly port: number;
  /** Takes no new request, lets those in hand finish for that long, then cuts them off. Idempotent. */
  close(graceMsMax?: number): Promise<void>;
}

/** Where to listen. */
export interface ListenOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

/**
 * Starts to listen.
 *
 * @throws {Error} naming the address when it is taken or not ours, and what to do
 */
export function startServer(
  fetch: (request: Request) => Response | Promise<Response>,
  { host, port }: ListenOptions,
): HttpServer {
  const stop = new AbortController();
  const server = listen(fetch, host, port, stop.signal);
  let closing: Promise<void> | undefined;
  const close = (graceMsMax = 3_000) => closing ??= shutDown(server, stop, graceMsMax);
  return {
    host: server.addr.hostname,
    port: server.addr.port,
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}

function listen(
  fetch: (request: Request) => Response | Promise<Response>,
  hostname: string,
  port: number,
  signal: AbortSignal,
): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve({ hostname, port, signal, onListen: () => {} }, (request) => fetch(request));
  } catch (cause) {
    const address = `${hostname}:${port}`;
    if (cause instanceof Deno.errors.AddrInUse) {
      throw new Error(
        `Cannot listen on ${address}: the port is taken. Stop what listens there, or set HTTP_PORT`,
        { cause },
      );
    }
    if (cause instanceof Deno.errors.AddrNotAvailable) {
      throw new Error(
        `Cannot listen on ${address}: this machine has no such address. Set HTTP_HOST`,
        { cause },
      );
    }
    throw cause;
  }
}

async function shutDown(
  server: Deno.HttpServer,
  stop: AbortController,
  graceMsMax: number,
): Promise<void> {
  const timer = setTimeout(() => stop.abort(), graceMsMax);
  try {
    await server.shutdown();
    await server.finished;
  } finally {
    clearTimeout(timer);
  }
}
