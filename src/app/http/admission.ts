/** Turns requests away at the door when they could only queue: too many in hand, or Postgres is known to be down. */
import type { Context, MiddlewareHandler } from "hono";
import { DependencyDownError } from "../../engine/core/errors.ts";
import { ProblemError, problemOf } from "./problem.ts";

/** When to turn requests away. */
export interface AdmissionOptions {
  readonly requestsInHandMax: number;
  /** So many failures in a row mean that Postgres is down. */
  readonly failuresMax: number;
}

/**
 * A bulkhead and a circuit breaker (Nygard, "Release It!"). The driver gives up one queued statement for each attempt
 * to connect, so under load its queue would grow all through an outage, and everyone would wait for the time limit.
 * While Postgres is down one request at a time goes through as the probe; the others are answered at once.
 */
export function admission(options: AdmissionOptions): MiddlewareHandler {
  let inHand = 0;
  let failures = 0;
  let probing = false;
  return async function admission(c, next) {
    if (inHand >= options.requestsInHandMax) throw turnedAway("Too many requests are in hand");
    const isProbe = failures >= options.failuresMax;
    if (isProbe && probing) throw turnedAway("The service cannot answer right now");
    if (isProbe) probing = true;
    inHand++;
    try {
      await next();
    } finally {
      inHand--;
      if (isProbe) probing = false;
      const verdict = verdictOn(c);
      if (verdict === "down") failures++;
      if (verdict === "up") failures = 0;
    }
  };
}

/** What an answer says about Postgres. A request that was refused for its own faults never got there. */
function verdictOn(c: Context): "up" | "down" | "unknown" {
  if (c.error instanceof DependencyDownError) return "down";
  if (c.error instanceof ProblemError && c.error.problem.status === 503) return "down";
  return c.res.status < 400 || c.res.status === 404 || c.res.status === 409 ? "up" : "unknown";
}

function turnedAway(title: string): ProblemError {
  const detail = "Try again. An order that was posted with an Idempotency-Key is not placed twice";
  return new ProblemError(problemOf(503, "unavailable", title, { detail }), { "retry-after": "1" });
}
