/** The HTTP side of the process that operates: who may, one deed of a kind at a time, each noted under its token's name. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { requestId } from "hono/request-id";
import type { ApiToken } from "../../config/api_tokens.ts";
import { plainText } from "../../engine/core/plain_text.ts";
import type { Deed } from "../audit/audit_log.ts";
import { type ClientVariables, createAccess } from "../http/access.ts";
import { answerProblems } from "../http/answer_problems.ts";
import { addOperateRoutes, type OperateName, standingPath } from "../http/operate_routes.ts";
import { ProblemError, problemOf } from "../http/problem.ts";
import { type BodyVariables, takeBody } from "../http/take_body.ts";
import { type Perform, streamDeed } from "./stream_deed.ts";

/** A deed that was asked for and can be done: checked, and not begun. */
export interface PlannedDeed {
  readonly deed: Deed;
  /** Deeds of one kind disturb each other, also from several clients. */
  readonly kind: "dead letters" | "read model";
  /** Only looks: it is not noted, and does not wait for others. */
  readonly dryRun: boolean;
  readonly perform: PerformNoted;
}

/**
 * Does it. Where there is something to do it awaits `begin` before it changes anything: from then on it is noted, and what
 * finds nothing to do is not.
 */
export type PerformNoted = (
  ...given: [...Parameters<Perform>, begin: () => Promise<void>]
) => ReturnType<Perform>;

/** Understands a body. Throws a {@linkcode ProblemError} where it cannot. */
export type Plan = (body: unknown) => PlannedDeed;

/** What the app needs. */
export interface OperateDeps {
  readonly tokens: readonly ApiToken[];
  readonly requestsPerSecondMax: number;
  readonly plans: Readonly<Record<OperateName, Plan>>;
  /** Does it, and notes that `who` has done it, when it begins and after. */
  readonly audit: <T>(
    who: string,
    deed: Deed,
    act: (begin: () => Promise<void>) => Promise<T>,
  ) => Promise<T>;
  readonly describe: (error: unknown) => string;
  /** Stops all that is under way: the process ends. */
  readonly stop: AbortSignal;
  readonly onFault?: (error: unknown, requestId: string) => void;
}

/** The app, and its end. */
export interface OperateApp {
  readonly app: OpenAPIHono;
  /** Resolves when no deed is under way. */
  settle(): Promise<void>;
}

type Variables = { Variables: { requestId: string; client: string } } & BodyVariables;
type RouteVariables = BodyVariables & ClientVariables;

/** Opens no port. */
export function createOperateApp(deps: OperateDeps): OperateApp {
  const { tokens, requestsPerSecondMax, plans, audit, describe, stop } = deps;
  const api = new OpenAPIHono<Variables>();
  const app = api as unknown as OpenAPIHono;
  const underWay = new Map<PlannedDeed["kind"], { readonly who: string; readonly since: Date }>();
  const running = new Set<Promise<void>>();
  api.use(requestId());
  answerProblems(api, app, deps.onFault);
  api.use("/operate/*", createAccess({ tokens, requestsPerSecondMax })("operate"));
  api.get(standingPath, (c) => c.json({ client: c.get("client") }));
  api.post("/operate/*", takeBody({ bytesMax: 64 * 1024, msMax: 8_000, inHandMax: 50 }));
  addOperateRoutes(api as unknown as OpenAPIHono<RouteVariables>, ({ name, body, client }) => {
    const { deed, kind, dryRun, perform } = plans[name](body);
    if (!dryRun) {
      const busy = underWay.get(kind);
      if (busy) throw otherDeed(kind, busy);
      underWay.set(kind, { who: client, since: new Date() });
    }
    const act: Perform = dryRun
      ? (report, signal) => perform(report, signal, () => Promise.resolve())
      : (report, signal) => audit(client, deed, (begin) => perform(report, signal, begin));
    const told = { stop, describe: (error: unknown) => plainText(describe(error)) };
    const { response, ended } = streamDeed(deed.action, act, told);
    const over = ended.then(() => {
      running.delete(over);
      if (!dryRun) underWay.delete(kind);
    });
    running.add(over);
    return response;
  });
  return {
    app,
    async settle() {
      await Promise.all(running);
    },
  };
}

function otherDeed(
  kind: PlannedDeed["kind"],
  { who, since }: { readonly who: string; readonly since: Date },
): ProblemError {
  return new ProblemError(
    problemOf(409, "under-way", `Another operation on the ${kind} is under way`, {
      detail: `${who} has begun it at ${since.toISOString()}. Wait for its end`,
    }),
  );
}
