/** The routes that operate the pipeline, described. What they do is done elsewhere: `serve` hands them on. */
import { createRoute, type OpenAPIHono, type RouteConfig, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { problems } from "./problems.ts";
import {
  deedLine,
  dropOldRequest,
  rebuildRequest,
  redriveRequest,
  rollbackRequest,
  unparkRequest,
} from "./operate_schemas.ts";
import type { ClientVariables } from "./access.ts";
import type { BodyVariables } from "./take_body.ts";

/** Where they are. */
export const operatePaths = {
  redrive: "/operate/dead-letters/redrive",
  unpark: "/operate/parked-keys/unpark",
  rebuild: "/operate/read-model/rebuild",
  rollback: "/operate/read-model/rollback",
  dropOld: "/operate/read-model/drop-old",
} as const;

/** Answers whoever could ask for these at this moment, and does nothing. */
export const standingPath = "/operate/standing";

/** What can be asked for. */
export type OperateName = keyof typeof operatePaths;

/** Answers a request whose token has the right and whose body has been read; what the body says is not checked yet. */
export type Operate = (asked: OperateRequest) => Promise<Response>;

/** What was asked. */
export interface OperateRequest {
  readonly name: OperateName;
  readonly body: unknown;
  /** The name of the token. */
  readonly client: string;
  readonly authorization: string;
}

type Variables = BodyVariables & ClientVariables;

/** Adds the routes to the app and their description to its OpenAPI document. */
export function addOperateRoutes(
  app: OpenAPIHono<Variables>,
  operate: Operate,
): void {
  for (const name of operateNames) {
    app.openAPIRegistry.registerPath(routes[name]);
    app.post(operatePaths[name], (c: Context<Variables>) =>
      operate({
        name,
        body: c.get("body"),
        client: c.get("client"),
        authorization: c.req.header("authorization") ?? "",
      }));
  }
}

const operateNames = Object.keys(operatePaths) as readonly OperateName[];

/** A route that does one thing, and tells of it line by line. */
function deedRoute(
  path: string,
  { operationId, summary, description, body }: {
    readonly operationId: string;
    readonly summary: string;
    readonly description: string;
    readonly body: z.ZodType;
  },
): RouteConfig {
  return createRoute({
    method: "post",
    path,
    operationId,
    tags: ["operate"],
    summary,
    description: `${description} It goes on as long as the client listens: who closes the ` +
      "connection stops it, as Ctrl-C does a command.",
    security: [{ bearer: [] }],
    request: { body: { required: true, content: { "application/json": { schema: body } } } },
    responses: {
      200: {
        description:
          "It has begun. One JSON document a line; the last one is `done` or `failed`. What fails before it has " +
          "told anything, and within two seconds, has a status of its own",
        content: { "application/x-ndjson": { schema: deedLine } },
      },
      ...problems({
        400: "The body is not JSON in UTF-8, or has a field twice",
        401: "The token is missing or wrong",
        403: "The token has no right to operate; without tokens nobody has",
        404: "What was named (a dead letter, a parked key) is not there",
        408: "The body did not arrive in time",
        409: "It cannot be done as things stand, or another deed of this kind is under way",
        413: "The body is larger than 64 KiB",
        415: "The body is not application/json",
        422: "A field is invalid",
        429: "The client sends more requests than is agreed",
        500: "A fault of the service",
        503: "The process that operates (`deno task operate`) does not answer",
      }),
    },
  });
}

const routes: Readonly<Record<OperateName, RouteConfig>> = {
  redrive: deedRoute(operatePaths.redrive, {
    operationId: "redriveDeadLetters",
    summary: "Send dead letters back to where they came from, each once",
    description: "A redrive that was interrupted is run again: none goes back twice.",
    body: redriveRequest,
  }),
  unpark: deedRoute(operatePaths.unpark, {
    operationId: "unparkKeys",
    summary: "Send the records of parked keys back in their order, until the keys are free",
    description: "It may be interrupted and repeated: the order of a key holds.",
    body: unparkRequest,
  }),
  rebuild: deedRoute(operatePaths.rebuild, {
    operationId: "rebuildReadModel",
    summary: "Build the read model anew from the log, beside the live one, and swap",
    description: "Readers and workers go on. What was interrupted has changed nothing.",
    body: rebuildRequest,
  }),
  rollback: deedRoute(operatePaths.rollback, {
    operationId: "rollBackReadModel",
    summary: "Put the tables back that the last rebuild has replaced, with what came meanwhile",
    description: "The tables that were live are kept in their turn: a second one undoes the first.",
    body: rollbackRequest,
  }),
  dropOld: deedRoute(operatePaths.dropOld, {
    operationId: "dropOldReadModel",
    summary: "Drop the tables that the last rebuild or rollback has kept",
    description: "There is no way back to them then.",
    body: dropOldRequest,
  }),
};
