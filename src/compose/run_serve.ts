/** Runs the HTTP role of one process. */
import { getLogger } from "@logtape/logtape";
import { createApp } from "../http/create_app.ts";
import { type HttpServer, startServer } from "../http/server.ts";
import { metricsResponse } from "../observe/health_server.ts";
import { requestObserver } from "../observe/request_observer.ts";
import type { Observability } from "./observability.ts";
import type { Runtime } from "./open_runtime.ts";

const log = getLogger(["onceflow", "http"]);

/** Starts to listen on the address of the settings. Kafka is not needed for that: orders wait in the outbox. */
export function startHttp(
  { config, database }: Pick<Runtime, "config" | "database">,
  { metrics }: Observability,
): HttpServer {
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
  return startServer((request) => app.fetch(request), {
    host: config.HTTP_HOST,
    port: config.HTTP_PORT,
  });
}
