/** Listens for HTTP, and stops without cutting off a request in hand. Prints nothing. */
import { problemOf, problemResponse } from "./problem.ts";
import { withinTime } from "./within_time.ts";

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
  const cutOff = new AbortController();
  const inHand = new Set<Promise<Response>>();
  let closing: Promise<void> | undefined;
  const server = listen(host, port, cutOff.signal, async (request) => {
    if (closing !== undefined) return stopping();
    const answer = Promise.resolve(fetch(request));
    inHand.add(answer);
    try {
      return await answer;
    } finally {
      inHand.delete(answer);
    }
  });
  const close = (graceMsMax = 3_000) => closing ??= shutDown(server, inHand, cutOff, graceMsMax);
  return {
    host: server.addr.hostname,
    port: server.addr.port,
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}

function stopping(): Response {
  return problemResponse(problemOf(503, "stopping", "The service is stopping: try again"), {
    "retry-after": "1",
    connection: "close",
  });
}

function listen(
  hostname: string,
  port: number,
  signal: AbortSignal,
  handler: (request: Request) => Promise<Response>,
): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve({ hostname, port, signal, onListen: () => {} }, handler);
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

/**
 * Deno's own `shutdown` waits for ever for a request that does not end, and cannot be cut short once it was called. So
 * the requests in hand are waited for here, and `shutdown` only closes idle connections.
 */
async function shutDown(
  server: Deno.HttpServer,
  inHand: ReadonlySet<Promise<Response>>,
  cutOff: AbortController,
  graceMsMax: number,
): Promise<void> {
  const finished = Promise.allSettled(inHand).then(() => true);
  if (await withinTime(finished, graceMsMax, () => false)) {
    await withinTime(server.shutdown(), graceMsMax, () => {});
    return;
  }
  cutOff.abort();
  await server.finished;
}
