/** Lets a request in whose token has the right that its route demands, and not more often than is agreed. */
import type { MiddlewareHandler } from "hono";
import type { ApiToken, Right } from "../../config/api_tokens.ts";
import { createFindClient } from "./find_client.ts";
import { ProblemError, problemOf } from "./problem.ts";
import { createRateLimit } from "./rate_limit.ts";

/** What a guarded handler finds in its context: the client's name; empty where no tokens are demanded. */
export type ClientVariables = { readonly Variables: { client: string } };

/** A guard for the routes that demand this right; a function where that depends on the method. */
export type Demand = (right: Right | ((method: string) => Right)) => MiddlewareHandler;

/** The client's name. Throws a {@linkcode ProblemError}: 401 without a valid token, 403 without the right. */
export type Admit = (authorization: string | undefined, right: Right) => string;

/** Without tokens everybody may do everything but operate, which is closed then. */
export function createAdmit(tokens: readonly ApiToken[]): Admit {
  const findClient = createFindClient(tokens);
  const anonymous = { name: "", rights: new Set<Right>(["place", "read", "metrics"]) };
  return (authorization, right) => {
    const client = tokens.length === 0 ? anonymous : findClient(authorization);
    if (client === undefined) throw unauthorized(authorization !== undefined);
    if (!client.rights.has(right)) throw forbidden(right, tokens.length > 0);
    return client.name;
  };
}

/**
 * As {@linkcode createAdmit} says. All who have no token count as one client.
 *
 * Its guards throw a {@linkcode ProblemError}: 401 without a valid token, 403 without the right, 429 beyond the rate.
 */
export function createAccess(
  { tokens, requestsPerSecondMax }: {
    readonly tokens: readonly ApiToken[];
    /** Of one client; 0 for no limit. */
    readonly requestsPerSecondMax: number;
  },
): Demand {
  const admit = createAdmit(tokens);
  const waitFor = createRateLimit({ perSecondMax: requestsPerSecondMax });
  return (asked) =>
    async function demand(c, next) {
      const right = typeof asked === "string" ? asked : asked(c.req.method);
      const client = admit(c.req.header("authorization"), right);
      const seconds = waitFor(client);
      if (seconds > 0) throw tooMany(seconds);
      c.set("client", client);
      await next();
    };
}

/** RFC 6750, section 3: no error code for a request that brought nothing. */
function unauthorized(isWrong: boolean): ProblemError {
  const challenge = 'Bearer realm="onceflow"' + (isWrong ? ', error="invalid_token"' : "");
  return new ProblemError(
    problemOf(401, "unauthorized", "The request carries no valid token", {
      detail: "Send `Authorization: Bearer <token>`",
    }),
    { "www-authenticate": challenge },
  );
}

function forbidden(right: Right, hasTokens: boolean): ProblemError {
  if (!hasTokens) {
    return new ProblemError(
      problemOf(403, "closed", "Without tokens nobody may operate the pipeline over HTTP", {
        detail: "The operator can set API_TOKENS with a token that has the right `operate`",
      }),
    );
  }
  return new ProblemError(
    problemOf(403, "no-right", `The token has no right to ${right}`, {
      detail: "The operator says in API_TOKENS what each token may do",
    }),
    { "www-authenticate": `Bearer realm="onceflow", error="insufficient_scope", scope="${right}"` },
  );
}

function tooMany(seconds: number): ProblemError {
  return new ProblemError(
    problemOf(429, "too-many-requests", "This client sends more requests than is agreed", {
      detail: "Wait as long as Retry-After says. With the same Idempotency-Key nothing is lost",
    }),
    { "retry-after": String(seconds) },
  );
}
