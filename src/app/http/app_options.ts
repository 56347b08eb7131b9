/** What the HTTP API is given, and what it tells. */
import type { ApiToken } from "../../config/api_tokens.ts";
import type { Readiness } from "../../engine/core/health.ts";
import type { Sql } from "../../engine/postgres/database.ts";
import type { Operate } from "./operate_routes.ts";

/** What the API needs. */
export interface AppOptions {
  readonly sql: Sql;
  /** The topic that orders are published on. */
  readonly topic: string;
  /** OUTBOX_SHARDS. */
  readonly shards: number;
  /** Where there are any, `/orders`, `/customers`, `/dashboard` and `/metrics` demand one with the right for it. */
  readonly tokens?: readonly ApiToken[];
  /** Of one client, beyond which it is answered 429. Default 0: no limit. */
  readonly requestsPerSecondMax?: number;
  readonly now?: () => Date;
  /** Does what `/operate` is asked for; without it there are no such routes. */
  readonly operate?: Operate;
  /** What an order's publication carries of the request that placed it: its trace. */
  readonly eventHeaders?: (request: Request) => readonly (readonly [name: string, text: string])[];
  /** What stands in the way of this process; Postgres is asked at each request where absent. */
  readonly ready?: () => Readiness | Promise<Readiness>;
  /** Called once a request, for metrics and log. `route` is the pattern, such as `/orders/:id`. */
  readonly onRequest?: (seen: RequestSeen) => void;
  /** Called with every error that is ours or a dependency's, for the log. */
  readonly onFault?: (error: unknown, requestId: string) => void;
  /** Default 64 KiB. */
  readonly bodyBytesMax?: number;
  /** How long a body may take to arrive before it is answered 408. Default 8 s. */
  readonly bodyMsMax?: number;
  /** So many bodies may be on their way at once; one more cuts off an old one, which is answered 408. Default 500. */
  readonly bodiesInHandMax?: number;
  /** More requests than this at once are answered 503. Default 1,000. */
  readonly requestsInHandMax?: number;
  /** How long a request may take before it is answered 503. Default 10 s. */
  readonly requestTimeoutMs?: number;
  /** How long readiness waits for Postgres. Default 1 s. */
  readonly readyTimeoutMs?: number;
}

/** One request that was answered. */
export interface RequestSeen {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
  /** As it was answered in `x-request-id`. */
  readonly requestId?: string;
  /** Whose token it carried; undefined where none was demanded, or it was none of ours. */
  readonly client?: string;
  /** The order that it was about, and the event that publishes it where it was placed now. */
  readonly orderId?: string;
  readonly eventId?: string;
}
