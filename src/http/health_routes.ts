/** The routes for whoever watches the process: is it alive, and can it serve? They need no token. */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import type { AppOptions } from "./create_app.ts";
import { ProblemError, problemOf } from "./problem.ts";
import { problems } from "./problems.ts";
import * as schemas from "./schemas.ts";
import { withinTime } from "./within_time.ts";

/** Adds the routes to the app and their description to its OpenAPI document. */
export function addHealthRoutes(app: OpenAPIHono, options: AppOptions): void {
  app.openAPIRegistry.registerPath(getHealth);
  app.get("/healthz", (c) => c.json({ status: "ok" }, 200));

  app.openAPIRegistry.registerPath(getReadiness);
  app.get("/readyz", async (c) => {
    const found = { postgres: await checkPostgres(options), ...await options.ready?.() };
    const errors = Object.entries(found)
      .flatMap(([field, detail]) => detail === undefined ? [] : [{ field, detail }]);
    if (errors.length > 0) {
      throw new ProblemError(problemOf(503, "not-ready", "The service is not ready", { errors }), {
        "retry-after": "1",
      });
    }
    const checks = Object.fromEntries(Object.keys(found).map((name) => [name, "ok"]));
    return c.json({ status: "ok", checks }, 200);
  });
}

/** Undefined when Postgres answers in time, otherwise why not. The cause stays in the log: it names hosts. */
async function checkPostgres({ sql, readyTimeoutMs = 1_000 }: AppOptions) {
  const answer = sql`select 1`.then(() => undefined, () => "cannot be reached");
  return await withinTime(answer, readyTimeoutMs, () => `no answer within ${readyTimeoutMs} ms`);
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
      description: "Everything that it needs answers",
      content: { "application/json": { schema: schemas.health } },
    },
    ...problems({ 503: "Something that it needs does not answer; `errors` names it" }),
  },
});
