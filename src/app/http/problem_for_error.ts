/** Decides what a client is told about an error. Never tells more than it needs to act. */
import { HTTPException } from "hono/http-exception";
import { DependencyDownError, TransientError } from "../../engine/core/errors.ts";
import { type Problem, ProblemError, problemOf } from "./problem.ts";

/** A problem with the headers that go with it, and whether an operator should hear of the error. */
export interface ProblemAnswer {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;
  readonly isFault: boolean;
}

/** Seconds that a client should wait before it tries again; long enough for a restart of a pooled connection. */
const retryAfter = { "retry-after": "1" };

/** The answer to an error that a handler threw. */
export function problemForError(error: unknown): ProblemAnswer {
  if (error instanceof ProblemError) {
    return { problem: error.problem, headers: error.headers, isFault: false };
  }
  if (error instanceof HTTPException) return problemForException(error);
  if (error instanceof DependencyDownError || error instanceof TransientError) {
    const problem = problemOf(503, "unavailable", "The service cannot answer right now", {
      detail: "Try again. An order that was posted with an Idempotency-Key is not placed twice",
    });
    return { problem, headers: retryAfter, isFault: true };
  }
  const problem = problemOf(500, "fault", "The service failed", {
    detail: "This is a fault of the service. Give its operator the request_id",
  });
  return { problem, headers: {}, isFault: true };
}

/** What hono's own middleware throws (bearer authentication among them). */
function problemForException(error: HTTPException): ProblemAnswer {
  const headers: Record<string, string> = {};
  const challenge = error.getResponse().headers.get("www-authenticate");
  if (challenge !== null) headers["www-authenticate"] = challenge;
  const status = error.status === 400 && challenge !== null ? 401 : error.status;
  const problem = status === 401
    ? problemOf(401, "unauthorized", "The request carries no valid token", {
      detail: "Send `Authorization: Bearer <token>`",
    })
    : { type: "about:blank", title: error.message || `HTTP status ${status}`, status };
  return { problem, headers, isFault: status >= 500 };
}
