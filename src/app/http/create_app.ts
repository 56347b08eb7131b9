/** Puts the HTTP API together: routes, limits, authentication, and one form for every error. Opens no port. */
import type { AppOptions } from "./app_options.ts";
import { OpenAPIHono } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import { requestId } from "hono/request-id";
import { routePath } from "hono/route";
import { type ClientVariables, createAccess } from "./access.ts";
import { admission } from "./admission.ts";
import { addCustomerRoutes } from "./customer_routes.ts";
import { addHealthRoutes } from "./health_routes.ts";
import { addOpenApiRoute } from "./openapi_route.ts";
import { addOperateRoutes } from "./operate_routes.ts";
import { addOrderRoutes, type OrderVariables } from "./order_routes.ts";
import { answerProblems } from "./answer_problems.ts";
import { ProblemError, problemOf } from "./problem.ts";
import { type BodyVariables, takeBody } from "./take_body.ts";
import { withinTime } from "../../engine/core/delay.ts";

type Variables =
  & { Variables: { requestId: string; client: string } }
  & OrderVariables;

/** The API as a hono app: `app.request(url)` in tests, `app.fetch` for a server. */
export function createApp(options: AppOptions): OpenAPIHono {
  const api = new OpenAPIHono<Variables>();
  const app = api as unknown as OpenAPIHono;
  api.use(requestId());
  api.use(observe(options.onRequest));
  answerProblems(api, app, options.onFault);
  const { tokens = [], requestsPerSecondMax = 0 } = options;
  const demand = createAccess({ tokens, requestsPerSecondMax });
  api.use("/orders/*", demand((method) => method === "POST" ? "place" : "read"));
  for (const path of ["/customers/*", "/dashboard/*"]) api.use(path, demand("read"));
  api.use("/metrics", demand("metrics"));
  api.use("/operate/*", demand("operate"));
  const bodies = takeBody({
    bytesMax: options.bodyBytesMax ?? 64 * 1024,
    msMax: options.bodyMsMax ?? 8_000,
    inHandMax: options.bodiesInHandMax ?? 500,
  });
  for (const path of ["/orders", "/operate/*"]) api.post(path, bodies);
  const guards = [
    admission({ requestsInHandMax: options.requestsInHandMax ?? 1_000, failuresMax: 5 }),
    timeLimit(options.requestTimeoutMs ?? 10_000),
  ];
  // `/orders/*` matches `/orders` too; named twice, every guard would run twice.
  for (const path of ["/orders/*", "/customers/*"]) api.use(path, ...guards);
  addOrderRoutes(
    api as unknown as OpenAPIHono<
      ClientVariables & BodyVariables & OrderVariables
    >,
    options,
  );
  addCustomerRoutes(app, options);
  if (options.operate) {
    addOperateRoutes(
      api as unknown as OpenAPIHono<ClientVariables & BodyVariables>,
      options.operate,
    );
  }
  addHealthRoutes(app, options);
  addOpenApiRoute(app, { tokens: tokens.length > 0, limited: requestsPerSecondMax > 0 });
  return app;
}

function observe(onRequest: AppOptions["onRequest"]): MiddlewareHandler<Variables> {
  return async function observe(c, next) {
    const start = performance.now();
    await next();
    // Set once more: a handler's own Response does not carry what was set before it.
    c.header("x-request-id", c.get("requestId"));
    onRequest?.({
      method: c.req.method,
      route: routePath(c, -1),
      status: c.res.status,
      durationMs: performance.now() - start,
      requestId: c.get("requestId"),
      client: c.get("client") || undefined,
      orderId: c.get("orderId"),
      eventId: c.get("eventId"),
    });
  };
}

/** Postgres may hang without refusing: a client must not hang with it. The outcome of a POST is unknown then. */
function timeLimit(requestTimeoutMs: number): MiddlewareHandler {
  return async function timeLimit(_c, next) {
    await withinTime(next(), requestTimeoutMs, () => {
      const detail = "Try again. With the same Idempotency-Key the order is not placed twice";
      const title = `No answer within ${requestTimeoutMs} ms`;
      throw new ProblemError(problemOf(503, "timeout", title, { detail }), { "retry-after": "1" });
    });
  };
}
