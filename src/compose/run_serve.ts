/** Runs the HTTP role of one process. */
import { getLogger } from "@logtape/logtape";
import { createApp } from "../http/create_app.ts";
import { type HttpServer, startServer } from "../http/server.ts";
import { metricsResponse } from "../observe/health_server.ts";
import { requestObserver } from "../observe/request_observer.ts";
import { forgetIdempotencyKeys } from "./forget_idempotency_keys.ts";
import { openDashboard } from "./dashboard.ts";
import type { Observability } from "./observability.ts";
import type { Runtime } from "./open_runtime.ts";

const log = getLogger(["onceflow", "http"]);

/** Starts to listen on the address of the settings. Orders need Postgres only: they wait in the outbox for Kafka. */
export function startHttp(runtime: Runtime, { metrics }: Observability): HttpServer {
  const { config, database } = runtime;
  const dashboard = openDashboard(runtime);
  const forgetting = forgetIdempotencyKeys(runtime);
  const app = createApp({
    sql: database.sql,
    topic: config.ORDERS_TOPIC,
    shards: config.OUTBOX_SHARDS,
    apiToken: config.API_TOKEN?.reveal(),
    onRequest: requestObserver(metrics),
    onFault: (error, requestId) =>
      log.error("Request {requestId} failed: {error}", { requestId, error: String(error) }),
  });
  app.get("/metrics", () => metricsResponse(metrics));
  app.route("/", dashboard.routes);
  const server = startServer((request) => app.fetch(request), {
    host: config.HTTP_HOST,
    port: config.HTTP_PORT,
  });
  return {
    ...server,
    async [Symbol.asyncDispose]() {
      forgetting[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
      await dashboard[Symbol.asyncDispose]();
    },
  };
}
