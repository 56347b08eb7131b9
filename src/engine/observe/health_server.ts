/** A small HTTP listener beside the worker: is it alive, is it ready, and its metrics. It takes no orders. */
import type { Health } from "../core/health.ts";
import type { Metrics } from "./metrics.ts";

/** What the listener needs. */
export interface HealthServerOptions {
  readonly hostname: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly health: Health;
  readonly metrics: Metrics;
  /** Closes the listener when it fires. */
  readonly signal?: AbortSignal;
}

/** The listener. */
export interface HealthServer extends AsyncDisposable {
  readonly hostname: string;
  /** The port it really listens on. */
  readonly port: number;
}

/**
 * Starts to listen: `GET /healthz`, `GET /readyz` (503 with the reasons while not ready), `GET /metrics`.
 *
 * @throws {Error} naming the address when it is taken, and what to do
 */
export function serveHealth(options: HealthServerOptions): HealthServer {
  const { hostname, port, health, metrics } = options;
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  const server = listen(hostname, port, signal, (request) => answer(request, health, metrics));
  return {
    hostname: server.addr.hostname,
    port: server.addr.port,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await server.finished;
    },
  };
}

/** The answer to `/readyz`: `{ ready, checks: [{ name, ok, since, detail }] }`. */
export function readyResponse(health: Health): Response {
  const readiness = health.ready();
  return Response.json(readiness, {
    status: readiness.ready ? 200 : 503,
    headers: { "cache-control": "no-store", ...(readiness.ready ? {} : { "retry-after": "1" }) },
  });
}

/** The answer to `/metrics`, in Prometheus' text format. */
export async function metricsResponse(metrics: Metrics): Promise<Response> {
  const { contentType, body } = await metrics.expose();
  return new Response(body, {
    headers: { "content-type": contentType, "cache-control": "no-store" },
  });
}

function answer(
  request: Request,
  health: Health,
  metrics: Metrics,
): Response | Promise<Response> {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return new Response("Only GET and HEAD\n", { status: 405, headers: { allow: "GET, HEAD" } });
  }
  return healthAnswer(request, health, metrics) ??
    new Response("There are /healthz, /readyz and /metrics\n", { status: 404 });
}

/** The answer to a request for health, readiness or metrics; undefined for every other. */
export function healthAnswer(
  request: Request,
  health: Health,
  metrics: Metrics,
): Response | Promise<Response> | undefined {
  // Null where the client's Host header makes no URL.
  switch (URL.parse(request.url)?.pathname) {
    case "/healthz":
      return Response.json({ status: "ok" });
    case "/readyz":
      return readyResponse(health);
    case "/metrics":
      return metricsResponse(metrics);
  }
}

function listen(
  hostname: string,
  port: number,
  signal: AbortSignal,
  handler: (request: Request) => Response | Promise<Response>,
): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve({ hostname, port, signal, onListen: () => {} }, handler);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.AddrInUse)) throw cause;
    throw new Error(
      `Cannot listen on ${hostname}:${port} for health and metrics: the port is taken. ` +
        `Stop what listens there, or choose another port (0 takes any free one)`,
      { cause },
    );
  }
}
