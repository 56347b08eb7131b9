/** Errors as clients see them: `application/problem+json` (RFC 9457). Never carries what happened inside. */
import { z } from "@hono/zod-openapi";

/** What is wrong with one field, one header or one parameter. */
export const fieldError = z.object({
  field: z.string().meta({
    description: "The field's path in the body, or the name of the parameter or header",
    example: "amount",
  }),
  detail: z.string().meta({
    example: "must be decimal text above zero, with at most 15 digits before the point",
  }),
}).openapi("FieldError");

/** One error as one JSON document. */
export const problem = z.object({
  type: z.string().meta({
    description: "Which kind of problem; `about:blank` where the status says all",
    example: "urn:onceflow:problem:invalid-fields",
  }),
  title: z.string().meta({ example: "The request has invalid fields" }),
  status: z.int().min(400).max(599).meta({ example: 422 }),
  detail: z.string().optional().meta({ description: "What the client can do about it" }),
  errors: z.array(fieldError).optional().meta({ description: "One entry for each wrong field" }),
  request_id: z.string().optional().meta({
    description: "The request's `x-request-id`, for whoever asks the operator about it",
  }),
}).openapi("Problem");

/** One entry of a problem's `errors`. */
export type FieldError = Readonly<z.output<typeof fieldError>>;
/** The body of an error response. */
export type Problem = Readonly<Omit<z.output<typeof problem>, "errors">> & {
  readonly errors?: readonly FieldError[];
};

/** Thrown anywhere in a handler to end the request with this problem. */
export class ProblemError extends Error {
  override name = "ProblemError";

  constructor(readonly problem: Problem, readonly headers: Readonly<Record<string, string>> = {}) {
    super(problem.title);
  }
}

/** A problem of one of our own kinds, named by `urn:onceflow:problem:<kind>`. */
export function problemOf(
  status: number,
  kind: string,
  title: string,
  more: { readonly detail?: string; readonly errors?: readonly FieldError[] } = {},
): Problem {
  return { type: `urn:onceflow:problem:${kind}`, title, status, ...more };
}

/** The response that carries a problem. */
export function problemResponse(
  problem: Problem,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: { ...headers, "content-type": "application/problem+json" },
  });
}
