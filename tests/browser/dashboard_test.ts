/** The dashboard in a real browser. Skipped, with a word about it, where there is no Chromium. */
import { Hono } from "hono";
import { bearerAuth } from "hono/bearer-auth";
import type { Browser, Page } from "playwright-core";
import { openDashboardFeed } from "../../src/app/dashboard/dashboard_feed.ts";
import { dashboardRoutes } from "../../src/app/dashboard/dashboard_routes.ts";
import type { DashboardData } from "../../src/app/dashboard/dashboard_data.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { findChromium, startChromium } from "./chromium.ts";
import {
  sampleData,
  sampleHistory,
  sampleOrder,
  sampleRuns,
  sampleTrail,
} from "./dashboard_sample.ts";

const executablePath = findChromium();
if (executablePath === undefined) {
  console.log("No Chromium on this machine: the tests of the dashboard in a browser are skipped");
}

/** One for all tests; each has a page with storage of its own. */
let browser: Browser | undefined;
Deno.test.afterAll(() => browser?.close());

/** The page under test, and all that it said or asked for. */
interface Opened {
  readonly page: Page;
  readonly origin: string;
  readonly complaints: string[];
  readonly requests: string[];
}

/** What the server has to show, which a test changes while the page is open. */
interface Shown {
  data: DashboardData;
  down?: boolean;
  /** Ends the streams that are open, as a server does that stops. */
  endStreams?: () => void;
  readonly apiToken?: string;
}

type PageOptions = NonNullable<Parameters<Browser["newPage"]>[0]>;

async function withPage(
  shown: Shown,
  options: PageOptions,
  look: (opened: Opened) => Promise<void>,
): Promise<void> {
  const read = () => Promise.resolve(shown.data);
  const often = { everyMs: 100 };
  let feed = openDashboardFeed(read, often);
  shown.endStreams = () => {
    feed.close();
    feed = openDashboardFeed(read, often);
  };
  await using _feed = { [Symbol.asyncDispose]: () => Promise.resolve(feed.close()) };
  const routes = new Hono();
  if (shown.apiToken !== undefined) {
    routes.use("/dashboard/*", bearerAuth({ token: shown.apiToken }));
  }
  routes.route(
    "/",
    dashboardRoutes({
      read,
      feed: { open: () => feed.open() },
      history: sampleHistory,
      runs: () => Promise.resolve(sampleRuns()),
      find: (id) => Promise.resolve(id === "nobody" ? undefined : sampleTrail(id)),
    }),
  );
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => shown.down ? new Response("down", { status: 503 }) : routes.fetch(request),
  );
  browser ??= await startChromium(executablePath ?? "");
  await using page = await browser.newPage(options);
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => requests.push(request.url()));
  const origin = `http://127.0.0.1:${server.addr.port}`;
  await page.goto(origin);
  await look({ page, origin, complaints, requests });
}

function browserTest(name: string, run: () => Promise<void>): void {
  Deno.test({
    name,
    ignore: executablePath === undefined,
    // The browser is started by the first test that needs it and outlives it.
    sanitizeResources: false,
    sanitizeOps: false,
    fn: run,
  });
}

/** Waits until the element reads so; playwright fails with what it read instead. */
async function untilText(page: Page, selector: string, text: string): Promise<void> {
  await page.locator(selector).filter({ hasText: text }).waitFor({ timeout: 30_000 });
}

browserTest("the numbers on the page follow the data", async () => {
  const shown: Shown = { data: sampleData(1_000) };
  await withPage(shown, {}, async ({ page, origin, complaints, requests }) => {
    await untilText(page, "#count-placed", "1,000");
    await untilText(page, "#count-dead_lettered", "50");
    await untilText(page, "#connection-text", "Live");
    await untilText(page, "#guarantee", "exactly-once");
    assertEquals(await page.locator("#orders tr").count(), 12);

    shown.data = sampleData(1_500, {
      latest_orders: {
        known: true,
        as_of: new Date().toISOString(),
        value: [sampleOrder("order-new", "invoiced")],
      },
    });
    await untilText(page, "#count-placed", "1,500");
    await untilText(page, "#orders", "order-new");
    assertEquals(await page.locator("#orders tr").count(), 1);
    assert(/\d\/s$/.test(await page.locator("#rate-placed").innerText()));

    assertEquals(complaints, []);
    assertEquals(
      requests.filter((url) => !url.startsWith(`${origin}/`) && !url.startsWith("data:")),
      [],
    );
  });
});

browserTest("data that looks like markup stays text", async () => {
  const evil =
    `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;
  const shown: Shown = {
    data: sampleData(100, {
      latest_orders: {
        known: true,
        as_of: new Date().toISOString(),
        value: [{ ...sampleOrder("order-1", "invoiced"), user_id: evil }],
      },
      dead_letters: {
        known: true,
        as_of: new Date().toISOString(),
        value: {
          records: 1,
          unread: 0,
          by_class: [{ error_class: evil, records: 1 }],
          by_cause: [{
            ...{ fingerprint: "0123456789ab", error_class: evil, reason: `${evil}\u202e` },
            ...{ records: 1, last: new Date().toISOString(), samples: ["0/0"] },
          }],
          latest: [{
            partition: 0,
            offset: 0,
            at: new Date().toISOString(),
            key: evil,
            error_class: evil,
            error: evil,
          }],
        },
      },
    }),
  };
  await withPage(shown, {}, async ({ page, complaints }) => {
    await untilText(page, "#orders", "<img src=x");
    await untilText(page, "#dead-letters-latest", "<img src=x");
    await untilText(page, "#dead-letters-by-cause", "</script>\\u202e");
    assertEquals(await page.locator("main img, main script").count(), 0);
    assertEquals(await page.title(), "onceflow");
    assertEquals(complaints, []);
  });
});

browserTest("an order is found with the keyboard alone, and its way is told", async () => {
  await withPage({ data: sampleData(100) }, {}, async ({ page, complaints }) => {
    await untilText(page, "#connection-text", "Live");
    await page.locator("#order-id").focus();
    await page.keyboard.type("order-17");
    await page.keyboard.press("Enter");
    await untilText(page, "#trail", "outbox position 1017, published");
    await untilText(page, "#trail", "partition 3, offset 254");

    await page.locator("#order-id").fill("nobody");
    await page.keyboard.press("Enter");
    await untilText(page, "#trail", "There is no order nobody.");

    await page.locator("#orders button").first().focus();
    await page.keyboard.press("Enter");
    await untilText(page, "#trail", "order-100");
    // A 404 is what the browser itself writes to the console for the order that is not there.
    assertEquals(complaints.filter((text) => !text.includes("404")), []);
  });
});

browserTest("a lost order and one billed twice are shown and can be looked up", async () => {
  const shown: Shown = {
    data: sampleData(100, {
      conservation: {
        known: true,
        as_of: new Date().toISOString(),
        value: {
          cut_at: new Date().toISOString(),
          never_published: { orders: 1, examples: ["order-lost-1"] },
          never_settled: { orders: 2, examples: ["order-lost-2", "order-lost-3"] },
          billed_twice: { orders: 1, examples: ["order-twice"] },
        },
      },
    }),
  };
  await withPage(shown, {}, async ({ page }) => {
    await untilText(page, "#count-lost", "3");
    await untilText(page, "#count-duplicated", "1");
    await untilText(page, "#examples", "order-twice billed twice");
    await page.getByRole("button", { name: "order-lost-2" }).click();
    await untilText(page, "#trail", "order-lost-2");
  });
});

browserTest("figures that cannot be renewed stay, pale, with the reason", async () => {
  const shown: Shown = { data: sampleData(100) };
  await withPage(shown, {}, async ({ page }) => {
    await untilText(page, "#count-placed", "100");
    const reason = "The tables cannot be counted: postgres cannot be reached";
    shown.data = sampleData(100, {
      counts: { known: false, reason },
      conservation: { known: false, reason: "not checked" },
    });
    await untilText(page, `[data-age-of="counts"]`, reason);
    await untilText(page, "#count-placed", "100");
    assert(
      await page.locator(`.stage[data-of="counts"].stale`).count() === 4,
      "every counter is pale",
    );
  });
});

browserTest("a server that went away is said, and the page goes on when it is back", async () => {
  const shown: Shown = { data: sampleData(100) };
  await withPage(shown, {}, async ({ page }) => {
    await untilText(page, "#connection-text", "Live");
    shown.down = true;
    shown.endStreams?.();
    await untilText(page, "#connection-text", "The server does not answer; the figures are of");
    shown.down = false;
    shown.data = sampleData(200);
    await untilText(page, "#connection-text", "Live");
    await untilText(page, "#count-placed", "200");
  });
});

browserTest(
  "workers, the last hour and the last runs are told, and what is missing is said",
  async () => {
    const shown: Shown = { data: sampleData(100) };
    await withPage(shown, {}, async ({ page, complaints }) => {
      await untilText(page, "#workers", "partition 4, waiting: 1,234");
      await untilText(page, "#latency-p95", "130 ms");
      await untilText(page, "#hour", "Oldest row in the outbox");
      await untilText(page, "#hour-since", "known since");
      const path = await page.locator("#hour path").first().getAttribute("d");
      assertEquals(path?.split("M").length, 3, "two lines with a gap, where nothing was known");
      await untilText(page, "#run-torture", "61 faults in 5 min");
      await untilText(page, "#run-figures .missed", "50, missed");
      const at = new Date().toISOString();
      shown.data = sampleData(100, {
        workers: {
          ...{ known: true, as_of: at },
          value: { state: "Empty", members: [], unowned: [{ partition: 0, records: 7 }] },
        },
        latency: { known: false, reason: "The latency cannot be read: postgres cannot be reached" },
      });
      await untilText(page, "#workers-missing", "No worker is in the group");
      await untilText(page, `[data-age-of="latency"]`, "postgres cannot be reached");
      assertEquals(complaints, []);
    });
  },
);

browserTest("a stream that ends is followed anew, and nobody is alarmed", async () => {
  const shown: Shown = { data: sampleData(100) };
  await withPage(shown, {}, async ({ page, requests, complaints }) => {
    await untilText(page, "#connection-text", "Live");
    shown.endStreams?.();
    shown.data = sampleData(200);
    await untilText(page, "#count-placed", "200");
    await untilText(page, "#connection-text", "Live");
    assertEquals(requests.filter((url) => url.endsWith("/dashboard/stream")).length, 2);
    assertEquals(complaints, []);
  });
});

browserTest("a paused page leaves its stream, and asks for nothing until it goes on", async () => {
  const shown: Shown = { data: sampleData(100) };
  await withPage(shown, {}, async ({ page, requests }) => {
    await untilText(page, "#count-placed", "100");
    const left = page.waitForEvent("requestfailed", (request) => request.url().includes("stream"));
    await page.getByRole("button", { name: "Pause" }).click();
    await untilText(page, "#connection-text", "Paused at");
    await left;
    shown.data = sampleData(300);
    const asked = requests.length;
    await page.waitForTimeout(1_500);
    assertEquals(requests.length, asked);
    await untilText(page, "#count-placed", "100");
    await page.getByRole("button", { name: "Pause" }).click();
    await untilText(page, "#count-placed", "300");
  });
});

browserTest(
  "a server with a token is asked with it, and it is kept for this tab only",
  async () => {
    const shown: Shown = { data: sampleData(100), apiToken: "let-me-in" };
    await withPage(shown, {}, async ({ page }) => {
      await untilText(page, "#connection-text", "A token is needed");
      await page.getByLabel("This server asks for its API token").fill("let-me-in");
      await page.keyboard.press("Enter");
      await untilText(page, "#count-placed", "100");
      assertEquals(await page.locator("#token").isVisible(), false);
      assertEquals(await page.evaluate("[localStorage.length, document.cookie]"), [0, ""]);
      assertEquals(await page.evaluate("sessionStorage.length"), 1);
    });
  },
);

browserTest("nothing sticks out at a width of 360 pixels, in light and dark", async () => {
  for (const colorScheme of ["light", "dark"] as const) {
    const data = sampleData(123_456_789, {
      latest_orders: {
        known: true,
        as_of: new Date().toISOString(),
        value: [{
          ...sampleOrder("0193a5c8-7d31-7a4e-9c11-aa0f3b2c9d41", "dead-lettered"),
          amount: "123456789012345.50",
          user_id: "x".repeat(256),
        }],
      },
    });
    await withPage(
      { data },
      { viewport: { width: 360, height: 740 }, colorScheme },
      async ({ page }) => {
        await untilText(page, "#count-placed", "123,456,789");
        const width = await page.evaluate("document.documentElement.scrollWidth");
        assertEquals(width, 360);
      },
    );
  }
});

browserTest("the page's structure is there for those who do not see it", async () => {
  await withPage({ data: sampleData(100) }, {}, async ({ page }) => {
    await untilText(page, "#connection-text", "Live");
    const tree = await page.locator("body").ariaSnapshot();
    for (
      const part of [
        `heading "onceflow" [level=1]`,
        `heading "From order to read model" [level=2]`,
        `status: Live`,
        `searchbox "Order id"`,
        `table "Placed last"`,
        `columnheader "Status"`,
        `rowheader`,
        `contentinfo`,
      ]
    ) assertStringIncludes(tree, part);
  });
});
