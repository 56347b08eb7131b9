/** The page and its data as routes, ready to be mounted. It opens no port and takes no orders. */
import { Hono, type MiddlewareHandler } from "hono";
import type { DashboardData, OrderTrail } from "./dashboard_data.ts";
import type { LetterDetails } from "./read_letter.ts";
import { renderPage } from "./render_page.ts";

/** What the routes need; `openDashboardReader` gives the first two. */
export interface DashboardDeps {
  read(): Promise<DashboardData>;
  /** Where one order is; undefined where there is none. */
  find(orderId: string): Promise<OrderTrail | undefined>;
  /** One dead letter; undefined where there is none. Without it the page cannot show any. */
  readonly letter?: (partition: number, offset: number) => Promise<LetterDetails | undefined>;
}

/**
 * `GET /` is the page, which holds no data; `GET /dashboard/data.json` is a {@linkcode DashboardData};
 * `GET /dashboard/orders/{id}` is an {@linkcode OrderTrail}, or 404. What they are mounted beside guards the data: where it
 * answers 401, the page asks for a token.
 *
 * The page polls instead of holding a stream of server-sent events open: an `EventSource` cannot send the token, a poll
 * needs no state to survive a restart of the server, and a tab that nobody sees stops asking.
 */
export function dashboardRoutes(deps: DashboardDeps): Hono {
  const app = new Hono();
  app.get("/", () => pageResponse());
  app.use("/dashboard/*", neverStored);
  app.get("/dashboard/data.json", async (c) => c.json(await deps.read()));
  app.get("/dashboard/orders/:id", async (c) => {
    const id = c.req.param("id");
    const trail = isOrderId(id) ? await deps.find(id) : undefined;
    if (trail !== undefined) return c.json(trail);
    return notFound(`There is no order ${id}`);
  });
  app.get("/dashboard/dead-letters/:partition{\\d{1,9}}/:offset{\\d{1,15}}", async (c) => {
    const { partition, offset } = c.req.param();
    const found = await deps.letter?.(Number(partition), Number(offset));
    return found
      ? c.json(found)
      : notFound(`There is no dead letter ${partition}/${offset} any more`);
  });
  return app;
}

function notFound(title: string): Response {
  return new Response(JSON.stringify({ type: "about:blank", status: 404, title }), {
    status: 404,
    headers: { "content-type": "application/problem+json" },
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
