/** Gives every error of an app one form: `application/problem+json`, with the request's id. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Hono } from "hono";
import { methodNotAllowed } from "hono/method-not-allowed";
import type { AppOptions } from "./app_options.ts";
import { problemOf, problemResponse } from "./problem.ts";
import { problemForError } from "./problem_for_error.ts";

/**
 * Answers what no route takes, and what routes throw. Call it behind `requestId` and before the routes.
 *
 * @param routes the same app, of whichever variables: which methods its paths take is asked of it
 */
export function answerProblems<Variables extends { Variables: { requestId: string } }>(
  app: Hono<Variables>,
  routes: OpenAPIHono,
  onFault: AppOptions["onFault"],
): void {
  app.use(methodNotAllowed({
    app: routes,
    onMethodNotAllowed: (c, methods) =>
      problemResponse(
        {
          ...problemOf(405, "method", `${c.req.path} does not take ${c.req.method}`),
          request_id: c.get("requestId"),
        },
        { allow: methods.join(", ") },
      ),
  }));
  app.notFound((c) =>
    problemResponse({
      ...problemOf(404, "no-such-path", `There is nothing at ${c.req.path}`),
      request_id: c.get("requestId"),
    })
  );
  app.onError((error, c) => {
    const request_id = c.get("requestId");
    const { problem, headers, isFault } = problemForError(error);
    if (isFault) onFault?.(error, request_id);
    return problemResponse({ ...problem, request_id }, headers);
  });
}
