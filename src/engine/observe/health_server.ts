/** A small HTTP listener beside the worker: is it alive, is it ready, and its metrics. It takes no orders. */
import type { Health } from "../core/health.ts";
import { type HostRule, hostRuleFor, refusedHost } from "./host_rule.ts";
import type { Metrics } from "./metrics.ts";
import { keepListening, type Listener } from "./keep_listening.ts";
import { careful, plainProblem } from "./plain_problem.ts";

/** What the listener needs. */
export interface HealthServerOptions {
  readonly hostname: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly health: Health;
  readonly metrics: Metrics;
  /** Names it may be called by beside those of loopback. See `hostRuleFor`. */
  readonly allowedHosts?: readonly string[];
  /** Who may read the metrics. Default: everybody. */
  readonly mayReadMetrics?: MayRead;
  /** Closes the listener when it fires. */
  readonly signal?: AbortSignal;
}

/** Decides by a request's headers. */
export type MayRead = (request: Request) => boolean;

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
  const { hostname, port } = options;
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  const rule = hostRuleFor(hostname, options.allowedHosts);
  const server = listen(
    hostname,
    port,
    signal,
    async (request) => careful(await answer(request, rule, options)),
  );
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
  rule: HostRule,
  { health, metrics, mayReadMetrics }: HealthServerOptions,
): Response | Promise<Response> {
  const refused = refusedHost(request, rule);
  if (refused) return plainProblem(refused.status, refused.title);
  if (request.method !== "GET" && request.method !== "HEAD") {
    return plainProblem(405, "Only GET and HEAD", { allow: "GET, HEAD" });
  }
  return healthAnswer(request, health, metrics, mayReadMetrics) ??
    plainProblem(404, "There are /healthz, /readyz and /metrics");
}

/** The answer to a request for health, readiness or metrics; undefined for every other. */
export function healthAnswer(
  request: Request,
  health: Health,
  metrics: Metrics,
  mayReadMetrics: MayRead = () => true,
): Response | Promise<Response> | undefined {
  switch (new URL(request.url).pathname) {
    case "/healthz":
      return Response.json({ status: "ok" });
    case "/readyz":
      return readyResponse(health);
    case "/metrics":
      if (mayReadMetrics(request)) return metricsResponse(metrics);
      return plainProblem(401, "The metrics need a token with the right `metrics`", {
        "www-authenticate": 'Bearer realm="onceflow"',
      });
  }
}

function listen(
  hostname: string,
  port: number,
  signal: AbortSignal,
  handler: (request: Request) => Response | Promise<Response>,
): Listener {
  try {
    return keepListening({ hostname, port, signal }, handler);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.AddrInUse)) throw cause;
    throw new Error(
      `Cannot listen on ${hostname}:${port} for health and metrics: the port is taken. ` +
        `Stop what listens there, or set WORKER_HTTP_PORT (0 takes any free one)`,
      { cause },
    );
  }
}
