/** What the OpenAPI document says of the routes of orders. Handles no request. */
import { createRoute, z } from "@hono/zod-openapi";
import { problems } from "./problems.ts";
import * as schemas from "./schemas.ts";

/** `POST /orders`. */
export const postOrder = createRoute({
  method: "post",
  path: "/orders",
  operationId: "placeOrder",
  tags: ["orders"],
  summary: "Place an order",
  description: "Answers once the order and its publication are durable in Postgres. " +
    "The invoice follows; `Location` says where to look for it.",
  security: [{ bearer: [] }],
  request: {
    headers: z.object({ "Idempotency-Key": schemas.idempotencyKey }),
    body: { required: true, content: { "application/json": { schema: schemas.orderRequest } } },
  },
  responses: {
    202: {
      description: "The order is placed, or was placed by an earlier request with this key",
      headers: {
        Location: {
          description: "The path of the order",
          required: true,
          schema: { type: "string", example: "/orders/order-1001" },
        },
      },
      content: { "application/json": { schema: schemas.placedOrder } },
    },
    ...problems({
      400: "The body is not JSON in UTF-8, or has a field twice",
      401: "The token is missing or wrong",
      403: "The token has no right to place orders",
      409: "There is an order of that `order_id` already",
      408: "The body did not arrive in time",
      413: "The body is larger than 64 KiB, or the order larger than what can be published",
      415: "The body is not application/json",
      422: "A field or the Idempotency-Key is invalid, or the key came with another body before",
      429: "The client sends more requests than is agreed",
      500: "A fault of the service",
      503: "Postgres cannot be reached: try again, with the same Idempotency-Key",
    }),
  },
});

/** `GET /orders/{id}`. */
export const getOrder = createRoute({
  method: "get",
  path: "/orders/{id}",
  operationId: "getOrder",
  tags: ["orders"],
  summary: "Find an order and what became of it",
  security: [{ bearer: [] }],
  request: { params: z.object({ id: schemas.orderIdInPath }) },
  responses: {
    200: {
      description: "The order, with its invoice once there is one",
      content: { "application/json": { schema: schemas.order } },
    },
    ...problems({
      401: "The token is missing or wrong",
      403: "The token has no right to read",
      404: "There is no such order",
      422: "The id is none that an order can have",
      429: "The client sends more requests than is agreed",
      500: "A fault of the service",
      503: "Postgres cannot be reached: try again",
    }),
  },
});

/** `GET /orders`. */
export const getOrders = createRoute({
  method: "get",
  path: "/orders",
  operationId: "listOrders",
  tags: ["orders"],
  summary: "List a customer's orders, newest first",
  security: [{ bearer: [] }],
  request: { query: schemas.ordersQuery },
  responses: {
    200: {
      description: "A page of orders",
      content: { "application/json": { schema: schemas.ordersPage } },
    },
    ...problems({
      400: "The cursor is not one of this API",
      401: "The token is missing or wrong",
      403: "The token has no right to read",
      422: "A parameter is missing, invalid or there twice",
      429: "The client sends more requests than is agreed",
      500: "A fault of the service",
      503: "Postgres cannot be reached: try again",
    }),
  },
});
