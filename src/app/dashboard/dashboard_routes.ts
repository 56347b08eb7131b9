/** The page and its data as routes, ready to be mounted. It opens no port and takes no orders. */
import { Hono, type MiddlewareHandler } from "hono";
import type { DashboardData, Operating, OrderTrail } from "./dashboard_data.ts";
import type { DashboardFeed } from "./dashboard_feed.ts";
import type { DashboardHistory, LastRuns } from "./past_data.ts";
import type { LetterDetails } from "./read_letter.ts";
import { renderPage } from "./render_page.ts";

/** What the routes need; `openDashboardReader` gives the first two. */
export interface DashboardDeps {
  read(): Promise<DashboardData>;
  /** Where one order is; undefined where there is none. */
  find(orderId: string): Promise<OrderTrail | undefined>;
  /** One dead letter; undefined where there is none. Without it the page cannot show any. */
  readonly letter?: (partition: number, offset: number) => Promise<LetterDetails | undefined>;
  /** Whether whoever asks could operate the pipeline; without it the page takes it that nobody can. */
  readonly operating?: (authorization: string | undefined) => Promise<Operating>;
  history(): DashboardHistory;
  runs(): Promise<LastRuns>;
  /** The same data as it changes. */
  readonly feed: Pick<DashboardFeed, "open">;
}

/**
 * `GET /` is the page, which holds no data; `GET /dashboard/data.json` is a {@linkcode DashboardData};
 * `GET /dashboard/stream` is one each second as server-sent events, or 503 where too many watch;
 * `GET /dashboard/history.json` is the last hour, `GET /dashboard/runs.json` the last torture and benchmark;
 * `GET /dashboard/operating.json` is an {@linkcode Operating}; `GET /dashboard/orders/{id}` is an {@linkcode OrderTrail}, or 404. What they are mounted beside guards the data: where it
 * answers 401, the page asks for a token.
 *
 * The page reads the stream with `fetch`: an `EventSource` cannot send the token, and a token in an address ends in logs.
 */
export function dashboardRoutes(deps: DashboardDeps): Hono {
  const app = new Hono();
  app.get("/", () => pageResponse());
  app.use("/dashboard/*", neverStored);
  app.get("/dashboard/data.json", async (c) => c.json(await deps.read()));
  app.get("/dashboard/history.json", (c) => c.json(deps.history()));
  app.get("/dashboard/runs.json", async (c) => c.json(await deps.runs()));
  app.get("/dashboard/operating.json", async (c) =>
    c.json(
      await deps.operating?.(c.req.header("authorization")) ?? { may: false, problem: null },
    ));
  app.get("/dashboard/orders/:id", async (c) => {
    const id = c.req.param("id");
    const trail = isOrderId(id) ? await deps.find(id) : undefined;
    if (trail !== undefined) return c.json(trail);
    return problem(404, `There is no order ${id}`);
  });
  app.get("/dashboard/dead-letters/:partition{\\d{1,9}}/:offset{\\d{1,15}}", async (c) => {
    const { partition, offset } = c.req.param();
    const found = await deps.letter?.(Number(partition), Number(offset));
    return found
      ? c.json(found)
      : problem(404, `There is no dead letter ${partition}/${offset} any more`);
  });
  app.get("/dashboard/stream", () => {
    const body = deps.feed.open();
    if (body === undefined) {
      return problem(503, "As many pages watch as may, or the service stops: try again", {
        "retry-after": "5",
      });
    }
    // A proxy that collects an answer before it hands it on would hand on none of this one.
    return new Response(body, {
      headers: { "content-type": "text/event-stream", "x-accel-buffering": "no" },
    });
  });
  return app;
}

function problem(
  status: number,
  title: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(JSON.stringify({ type: "about:blank", status, title }), {
    status,
    headers: { ...headers, "content-type": "application/problem+json" },
  });
}

/** Longer ids do not exist, and no text column holds a NUL. */
function isOrderId(id: string): boolean {
  return id.length <= 256 && !id.includes("\0") && id.isWellFormed();
}

const neverStored: MiddlewareHandler = async function neverStored(c, next) {
  await next();
  c.res.headers.set("cache-control", "no-store");
};

/** The nonce is new for each answer, so that only what stands in this page runs in it. */
function pageResponse(): Response {
  const nonce = crypto.getRandomValues(new Uint8Array(16)).toBase64();
  return new Response(renderPage(nonce), {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": [
        "default-src 'none'",
        `script-src 'nonce-${nonce}'`,
        `style-src 'nonce-${nonce}'`,
        "img-src data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
      ].join("; "),
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      "cross-origin-opener-policy": "same-origin",
    },
  });
}
