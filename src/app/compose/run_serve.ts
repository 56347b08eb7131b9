/** Runs the HTTP role of one process: it listens first, then opens what it needs, and ends without failing a request. */
import type { Config } from "../../config.ts";
import { whyMayNotPlace } from "../orders/may_place.ts";
import { delay } from "../../engine/core/delay.ts";
import { createApp } from "../http/create_app.ts";
import { forwardOperate } from "../http/forward_operate.ts";
import { problemOf, problemResponse } from "../http/problem.ts";
import { type HttpServer, startServer } from "../http/server.ts";
import { healthAnswer, metricsResponse } from "../../engine/observe/health_server.ts";
import { hostRuleFor } from "../../engine/observe/host_rule.ts";
import { notStarted } from "../../engine/observe/not_started.ts";
import { FaultLog } from "./fault_log.ts";
import { requestHooks } from "./request_hooks.ts";
import { forgetIdempotencyKeys } from "./forget_idempotency_keys.ts";
import { openDashboard } from "./dashboard.ts";
import type { Observability } from "./observability.ts";
import { metricsGuard, refuseOpenDoor } from "./open_door.ts";
import type { Runtime } from "./open_runtime.ts";
import { watchPostgresAside } from "./watch_postgres.ts";

/** The API over open services. */
export interface Api extends AsyncDisposable {
  /** `from` is who sent it, as the server says. */
  fetch(request: Request, from?: object): Response | Promise<Response>;
  /** Ends what is answered without an end. */
  endStreams(): void;
}

/** A listener that tells its health at once, and takes orders as soon as it was given the API. */
export interface Listener extends HttpServer {
  serve(api: Api): void;
}

/**
 * Listens on the address of the settings. Until the API is there, all but health and metrics is answered 503.
 *
 * @throws {ConfigError} when it would let everybody in and nobody has said that it should
 * @throws {Error} naming the address when it is taken or not ours
 */
export function listen(config: Config, { metrics, health }: Observability): Listener {
  let api: Api | undefined;
  const { health: before } = notStarted(health);
  const starting = () =>
    problemResponse(
      problemOf(503, "starting", "The service is starting: try again", {
        detail: "GET /readyz says what it waits for",
      }),
      { "retry-after": "1" },
    );
  refuseOpenDoor(config);
  const mayReadMetrics = metricsGuard(config);
  const server = startServer(
    (request, from) =>
      api?.fetch(request, from) ?? healthAnswer(request, before, metrics, mayReadMetrics) ??
        starting(),
    {
      host: config.HTTP_HOST,
      port: config.HTTP_PORT,
      hosts: hostRuleFor(config.HTTP_HOST, config.HTTP_ALLOWED_HOSTS),
    },
  );
  const close = (graceMsMax?: number) => {
    api?.endStreams();
    return server.close(graceMsMax);
  };
  return {
    ...server,
    close,
    [Symbol.asyncDispose]: () => close(),
    serve: (given) => void (api = given),
  };
}

/** The API on this runtime. Orders need Postgres only: they wait in the outbox for Kafka. */
export function openApi(runtime: Runtime, { metrics, health }: Observability): Api {
  const { config, database } = runtime;
  const dashboard = openDashboard(runtime);
  const forgetting = forgetIdempotencyKeys(runtime);
  const ended = new AbortController();
  const { databaseUrl } = runtime.services;
  const watching = watchPostgresAside(databaseUrl, health, ended.signal, whyMayNotPlace);
  const hooks = requestHooks(metrics);
  const faults = new FaultLog();
  const app = createApp({
    sql: database.sql,
    topic: config.ORDERS_TOPIC,
    shards: config.OUTBOX_SHARDS,
    tokens: config.API_TOKENS,
    requestsPerSecondMax: config.HTTP_REQUESTS_PER_S_MAX,
    ready: () => health.ready(),
    operate: forwardOperate(config.OPERATE_URL),
    ...hooks,
    onRequest(seen) {
      hooks.onRequest?.(seen);
      faults.answered(seen);
    },
    onFault: (error, requestId) => faults.failed(error, requestId),
  });
  app.get("/metrics", () => metricsResponse(metrics));
  app.route("/", dashboard.routes);
  return {
    fetch: (request, from) => app.fetch(request, from),
    endStreams: () => dashboard.endStreams(),
    async [Symbol.asyncDispose]() {
      ended.abort();
      forgetting[Symbol.dispose]();
      await Promise.all([watching, dashboard[Symbol.asyncDispose]()]);
    },
  };
}

/** Both at once, for a process whose services are open already. */
export function startHttp(runtime: Runtime, observability: Observability): HttpServer {
  const server = listen(runtime.config, observability);
  const api = openApi(runtime, observability);
  server.serve(api);
  return {
    ...server,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await api[Symbol.asyncDispose]();
    },
  };
}

/**
 * Says at `/readyz` that the service stops, and serves on for as long as load balancers may take to see it
 * (`HTTP_DRAIN_MS`). Dispose the server after it.
 */
export async function drain(config: Config, { health }: Observability): Promise<void> {
  health.down(
    "serving",
    "the service stops: requests are served for a moment, send new ones elsewhere",
  );
  await delay(config.HTTP_DRAIN_MS);
}
