/** The routes of orders: post one, find one, list a customer's. They speak HTTP and leave the rest to `orders`. */
import { defaultClient } from "../../config/api_tokens.ts";
import type { OpenAPIHono } from "@hono/zod-openapi";
import { assertNever } from "./assert_never.ts";
import { findOrder } from "../orders/find_order.ts";
import { formatCursor, listOrders, parseCursor } from "../orders/list_orders.ts";
import { placeOrder, type PlaceOrderOutcome } from "../orders/place_order.ts";
import type { ClientVariables } from "./access.ts";
import type { AppOptions } from "./app_options.ts";
import { getOrder, getOrders, postOrder } from "./order_operations.ts";
import { ProblemError, problemOf } from "./problem.ts";
import { queryOf } from "./query_of.ts";
import * as schemas from "./schemas.ts";
import type { BodyVariables } from "./take_body.ts";
import { validate } from "./validate.ts";

/** What a handler leaves for the access log: which order it was about, and its event where it was placed. */
export type OrderVariables = { readonly Variables: { orderId?: string; eventId?: string } };

/** Adds the routes to the app and their description to its OpenAPI document. */
export function addOrderRoutes(
  app: OpenAPIHono<ClientVariables & BodyVariables & OrderVariables>,
  options: AppOptions,
): void {
  const registry = app.openAPIRegistry;
  registry.registerPath(postOrder);
  app.post("/orders", async (c) => {
    const asked = validate(schemas.orderRequest, c.get("body"), { whole: "body" });
    const key = validate(schemas.idempotencyKey, c.req.header("idempotency-key"), {
      whole: "Idempotency-Key",
    });
    const outcome = await placeOrder(options.sql, {
      orderId: asked.order_id,
      userId: asked.user_id,
      amount: asked.amount,
      currency: asked.currency,
    }, {
      topic: options.topic,
      shards: options.shards,
      now: options.now ?? (() => new Date()),
      idempotencyKey: key,
      headers: options.eventHeaders?.(c.req.raw),
      client: c.get("client") === defaultClient ? undefined : c.get("client"),
    });
    if ("orderId" in outcome) c.set("orderId", outcome.orderId);
    if (outcome.kind === "placed") c.set("eventId", outcome.eventId);
    return answerPlaceOrder(outcome);
  });

  registry.registerPath(getOrder);
  app.get("/orders/:id", async (c) => {
    const id = validate(schemas.orderIdInPath, c.req.param("id"), { whole: "id" });
    c.set("orderId", id);
    const found = await findOrder(options.sql, id);
    if (found === undefined) {
      throw new ProblemError(problemOf(404, "no-such-order", `There is no order ${id}`));
    }
    return c.json(found, 200);
  });

  registry.registerPath(getOrders);
  app.get("/orders", async (c) => {
    const query = validate(schemas.ordersQuery, queryOf(c.req), { whole: "query" });
    const after = query.cursor === undefined ? undefined : parseCursor(query.cursor);
    if (query.cursor !== undefined && after === undefined) {
      throw new ProblemError(problemOf(400, "bad-cursor", "The cursor is not one of this API", {
        errors: [{ field: "cursor", detail: "must be the next_cursor of an earlier page" }],
      }));
    }
    const page = await listOrders(options.sql, {
      userId: query.user_id,
      after,
      limit: query.limit,
    });
    const next = page.next === undefined ? null : formatCursor(page.next);
    return c.json({ orders: page.orders, next_cursor: next }, 200);
  });
}

function answerPlaceOrder(outcome: PlaceOrderOutcome): Response {
  switch (outcome.kind) {
    case "placed":
    case "replayed":
      return new Response(outcome.response, {
        status: 202,
        headers: {
          "content-type": "application/json",
          location: `/orders/${encodeURIComponent(outcome.orderId)}`,
        },
      });
    case "key_conflict":
      throw new ProblemError(
        problemOf(422, "idempotency-key-reused", "This Idempotency-Key came with another body", {
          errors: [{ field: "Idempotency-Key", detail: "must be new for every new request" }],
        }),
      );
    case "duplicate_order":
      throw new ProblemError(
        problemOf(409, "order-exists", `There is an order ${outcome.orderId} already`, {
          errors: [{ field: "order_id", detail: "is taken" }],
        }),
      );
    case "too_large":
      throw new ProblemError(
        problemOf(413, "order-too-large", "The order is larger than what can be published", {
          detail: "Send less in its fields; the operator can say what the limit is",
        }),
      );
    default:
      return assertNever(outcome);
  }
}
