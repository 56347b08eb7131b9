/** The routes of customers: their totals. */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { readCustomerTotals } from "../orders/customer_totals.ts";
import type { AppOptions } from "./app_options.ts";
import { problems } from "./problems.ts";
import * as schemas from "./schemas.ts";
import { validate } from "./validate.ts";

/** Adds the routes to the app and their description to its OpenAPI document. */
export function addCustomerRoutes(app: OpenAPIHono, options: AppOptions): void {
  app.openAPIRegistry.registerPath(getTotals);
  app.get("/customers/:id/totals", async (c) => {
    const id = validate(schemas.userId, c.req.param("id"), { whole: "id" });
    const totals = await readCustomerTotals(options.sql, id);
    return c.json({ user_id: id, totals }, 200);
  });
}

const getTotals = createRoute({
  method: "get",
  path: "/customers/{id}/totals",
  operationId: "getCustomerTotals",
  tags: ["customers"],
  summary: "What a customer ordered and was invoiced, by currency",
  security: [{ bearer: [] }],
  request: { params: z.object({ id: schemas.userId }) },
  responses: {
    200: {
      description: "The totals; none for a customer of whom nothing is projected yet",
      content: { "application/json": { schema: schemas.customerTotals } },
    },
    ...problems({
      401: "The token is missing or wrong",
      403: "The token has no right to read",
      422: "The id is none that a customer can have",
      429: "The client sends more requests than is agreed",
      500: "A fault of the service",
      503: "Postgres cannot be reached: try again",
    }),
  },
});
