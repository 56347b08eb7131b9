/** Listens for HTTP, and stops without leaving a request in hand unanswered. Prints nothing. */
import { unlessAborted } from "../../engine/core/delay.ts";
import { withinTime } from "../../engine/core/delay.ts";
import { type HostRule, refusedHost } from "../../engine/observe/host_rule.ts";
import { keepListening, type Listener } from "../../engine/observe/keep_listening.ts";
import { careful, plainProblem } from "../../engine/observe/plain_problem.ts";
import { problemOf, problemResponse } from "./problem.ts";

/** A server that listens. */
export interface HttpServer extends AsyncDisposable {
  readonly host: string;
  /** The port it really listens on, where 0 was asked for. */
  readonly port: number;
  /** Takes no new request, lets those in hand finish for that long, and answers the others 503. Idempotent. */
  close(graceMsMax?: number): Promise<void>;
}

/** Where to listen. */
export interface ListenOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** The setting that names the port, for a message; HTTP_PORT where absent. */
  readonly setting?: string;
  /** By what it may be called; default: anything that is a host. */
  readonly hosts?: HostRule;
}

/** Answers a request; the second is who sent it. */
export type Answer = (
  request: Request,
  from: Deno.ServeHandlerInfo<Deno.NetAddr>,
) => Response | Promise<Response>;

/**
 * Starts to listen.
 *
 * @throws {Error} naming the address when it is taken or not ours, and what to do
 */
export function startServer(
  fetch: Answer,
  { host, port, setting = "HTTP_PORT", hosts = { addresses: true } }: ListenOptions,
): HttpServer {
  const overdue = new AbortController();
  const inHand = new Set<Promise<Response>>();
  let closing: Promise<void> | undefined;
  const server = listen({ host, port, setting }, async (request, from) => {
    const refused = refusedHost(request, hosts);
    if (refused) return careful(plainProblem(refused.status, refused.title));
    if (closing !== undefined) return careful(stopping());
    const answer = Promise.resolve(fetch(request, from));
    inHand.add(answer);
    try {
      return careful(await unlessAborted(answer, overdue.signal));
    } catch (error) {
      if (overdue.signal.aborted) return careful(unfinished());
      throw error;
    } finally {
      inHand.delete(answer);
    }
  });
  const close = (graceMsMax = 3_000) => closing ??= shutDown(server, inHand, overdue, graceMsMax);
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

/** What it asked for may have been done all the same. */
function unfinished(): Response {
  const detail = "Try again. With the same Idempotency-Key an order is not placed twice";
  const title = "The service stopped before it had the answer";
  return problemResponse(problemOf(503, "stopping", title, { detail }), {
    "retry-after": "1",
    connection: "close",
  });
}

/** What no route has caught: nothing of it is told. */
function failed(): Response {
  return careful(plainProblem(500, "The service failed"));
}

function listen(
  { host, port, setting }: Required<Omit<ListenOptions, "hosts">>,
  handler: Answer,
): Listener {
  try {
    return keepListening({ hostname: host, port, onError: failed }, handler);
  } catch (cause) {
    const address = `${host}:${port}`;
    if (cause instanceof Deno.errors.AddrInUse) {
      throw new Error(
        `Cannot listen on ${address}: the port is taken. Stop what listens there, or set ${setting}`,
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

/** For answers to be written and connections to be closed, milliseconds. */
const closeMsMax = 500;

/**
 * Deno's own `shutdown` waits for ever for a request that does not end, and cannot be cut short once it was called. So
 * the requests in hand are waited for here, and `shutdown` only hands out the last answers and closes connections.
 */
async function shutDown(
  server: Listener,
  inHand: ReadonlySet<Promise<Response>>,
  overdue: AbortController,
  graceMsMax: number,
): Promise<void> {
  await withinTime(Promise.allSettled(inHand), graceMsMax, () => overdue.abort());
  await withinTime(server.shutdown(), closeMsMax, () => {});
}
