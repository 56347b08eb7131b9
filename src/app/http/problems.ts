/** Describes error responses in the OpenAPI document. */
import { problem } from "./problem.ts";

/** One response for each status, all with a problem in their body. */
export function problems<Status extends number>(descriptions: Readonly<Record<Status, string>>) {
  const retry = {
    "Retry-After": {
      description: "Seconds to wait before trying again",
      schema: { type: "integer" as const, example: 1 },
    },
  };
  const challenge = {
    "WWW-Authenticate": {
      description: "How to authenticate",
      schema: { type: "string" as const, example: 'Bearer realm="onceflow"' },
    },
  };
  const entries = Object.entries<string>(descriptions).map(([status, description]) => [status, {
    description,
    ...(status === "503" || status === "429"
      ? { headers: retry }
      : status === "401"
      ? { headers: challenge }
      : {}),
    content: { "application/problem+json": { schema: problem } },
  }]);
  return Object.fromEntries(entries);
}
