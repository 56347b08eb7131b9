/** The routes for whoever watches the process: is it alive, and can it serve? They need no token. */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import type { Readiness } from "../../engine/core/health.ts";
import { whyNoWrites } from "../../engine/postgres/takes_writes.ts";
import type { AppOptions } from "./app_options.ts";
import { problems } from "./problems.ts";
import * as schemas from "./schemas.ts";
import { withinTime } from "../../engine/core/delay.ts";

/** Adds the routes to the app and their description to its OpenAPI document. */
export function addHealthRoutes(app: OpenAPIHono, options: AppOptions): void {
  app.openAPIRegistry.registerPath(getHealth);
  app.get("/healthz", (c) => c.json({ status: "ok" }, 200));

  app.openAPIRegistry.registerPath(getReadiness);
  const ready = options.ready ?? (() => askPostgres(options));
  app.get("/readyz", async (c) => {
    const readiness = await ready();
    c.header("cache-control", "no-store");
    if (!readiness.ready) c.header("retry-after", "1");
    return c.json(readiness, readiness.ready ? 200 : 503);
  });
}

/** Asked anew each time; the service itself asks every few seconds, and knows since when. */
async function askPostgres({ sql, readyTimeoutMs = 1_000 }: AppOptions): Promise<Readiness> {
  const late = `Postgres did not answer within ${readyTimeoutMs} ms`;
  const reason = await withinTime(whyNoWrites(sql), readyTimeoutMs, () => late);
  const ok = reason === undefined;
  const check = { name: "postgres", ok, since: new Date().toISOString(), detail: reason ?? "" };
  return { ready: ok, checks: [check] };
}

const getHealth = createRoute({
  method: "get",
  path: "/healthz",
  operationId: "getHealth",
  tags: ["health"],
  summary: "The process is alive",
  security: [],
  responses: {
    200: {
      description: "It answers",
      content: { "application/json": { schema: schemas.health } },
    },
    ...problems({ 503: "The service is stopping" }),
  },
});

const getReadiness = createRoute({
  method: "get",
  path: "/readyz",
  operationId: "getReadiness",
  tags: ["health"],
  summary: "The service can take orders",
  security: [],
  responses: {
    200: {
      description: "Nothing stands in the way of an order",
      content: { "application/json": { schema: schemas.readiness } },
    },
    503: {
      description: "Something does; `checks` says what, and since when",
      content: { "application/json": { schema: schemas.readiness } },
    },
  },
});
