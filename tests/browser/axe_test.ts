/** The page as axe-core judges it: desktop and phone, light and dark. Skipped where there is no Chromium. */
import axe from "axe-core";
import { dashboardRoutes } from "../../src/app/dashboard/dashboard_routes.ts";
import { openDashboardFeed } from "../../src/app/dashboard/dashboard_feed.ts";
import { assertEquals } from "../support/assert.ts";
import { findChromium, startChromium } from "./chromium.ts";
import { sampleData, sampleHistory, sampleRuns, sampleTrail } from "./dashboard_sample.ts";

const executablePath = findChromium();

/** The page over these data, with samples beside them. */
function pageOver(read: Parameters<typeof openDashboardFeed>[0]) {
  const feed = openDashboardFeed(read);
  const routes = dashboardRoutes({
    ...{ read, feed, history: sampleHistory, runs: () => Promise.resolve(sampleRuns()) },
    find: (id) => Promise.resolve(sampleTrail(id)),
  });
  const where = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
  const server = Deno.serve(where, routes.fetch);
  return {
    port: server.addr.port,
    async [Symbol.asyncDispose]() {
      feed.close();
      await server.shutdown();
    },
  };
}

Deno.test({
  name: "axe finds nothing in the page, on desktop and phone, in light and dark",
  ignore: executablePath === undefined,
  sanitizeOps: false,
  async fn() {
    const read = () => Promise.resolve(sampleData(1_000));
    await using server = pageOver(read);
    await using browser = await startChromium(executablePath ?? "");
    for (const width of [1280, 390]) {
      for (const colorScheme of ["light", "dark"] as const) {
        // The page's policy lets no script of others in; axe is one.
        await using page = await browser.newPage({
          ...{ viewport: { width, height: 900 }, colorScheme, bypassCSP: true },
        });
        await page.goto(`http://127.0.0.1:${server.port}`);
        await page.locator("#hour li").first().waitFor();
        await page.locator("#orders button").first().click();
        await page.locator("#trail ol").waitFor();
        await page.addScriptTag({ content: axe.source });
        const { violations } = await page.evaluate<{ violations: { id: string }[] }>("axe.run()");
        assertEquals(violations.map(({ id }) => id), [], `${width} ${colorScheme}`);
        // A count beside a long reason keeps its digits in one line.
        const lines = await page.evaluate<number[]>(
          `[...document.querySelectorAll("li .cause .number")].map((count) => {
            const digits = document.createRange();
            digits.selectNodeContents(count);
            return digits.getClientRects().length;
          })`,
        );
        assertEquals(new Set(lines), new Set([1]), `${width} ${colorScheme}`);
      }
    }
  },
});

Deno.test({
  name: "in an outage the page can be read, says so, and calls nothing empty that it does not know",
  ignore: executablePath === undefined,
  sanitizeOps: false,
  async fn() {
    const away = { known: false, reason: "Kafka does not answer" } as const;
    const parts = { lags: away, conservation: away, dead_letters: away, latest_orders: away };
    const read = () =>
      Promise.resolve({
        ...sampleData(1_000),
        ...parts,
        ...{ counts: away, customers: away, workers: away, latency: away },
      });
    await using server = pageOver(read);
    await using browser = await startChromium(executablePath ?? "");
    for (const colorScheme of ["light", "dark"] as const) {
      await using page = await browser.newPage({
        ...{ viewport: { width: 390, height: 900 }, colorScheme, bypassCSP: true },
      });
      await page.goto(`http://127.0.0.1:${server.port}`);
      await page.locator('[data-state="down"]').waitFor();
      await page.addScriptTag({ content: axe.source });
      const { violations } = await page.evaluate<{ violations: { id: string }[] }>("axe.run()");
      assertEquals(violations.map(({ id }) => id), [], colorScheme);
      const empty = await page.evaluate<string[]>(
        `["no-orders", "no-customers", "no-dead-letters"].filter((id) =>
          document.getElementById(id).offsetHeight > 0)`,
      );
      assertEquals(empty, []);
    }
  },
});
