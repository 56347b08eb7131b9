/** Reads a request's query. A parameter that stands twice is refused: of two values nobody can say which is meant. */
import type { HonoRequest } from "hono";
import { ProblemError, problemOf } from "./problem.ts";

/** Each parameter with its value. @throws {ProblemError} 422 where one stands more than once */
export function queryOf(request: HonoRequest): Record<string, string> {
  const twice = Object.entries(request.queries()).filter(([, values]) => values.length > 1);
  if (twice.length === 0) return request.query();
  throw new ProblemError(
    problemOf(422, "invalid-fields", "The request has a parameter more than once", {
      errors: twice.slice(0, 20).map(([field]) => ({ field, detail: "must stand once" })),
    }),
  );
}
