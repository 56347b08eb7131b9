/** What the page does, over a pipeline that runs, in a real browser. Skipped, with a word about it, where there is none. */
import type { Browser, Page } from "playwright-core";
import { assertEquals } from "../support/assert.ts";
import { findChromium, startChromium } from "./chromium.ts";
import { openPage, startPipeline } from "./pipeline_page.ts";

const executablePath = findChromium();
let browser: Browser | undefined;
Deno.test.afterAll(() => browser?.close());

const token = "t".repeat(32);

async function until(page: Page, selector: string, text: string | RegExp): Promise<void> {
  await page.locator(selector).filter({ hasText: text }).waitFor({ timeout: 30_000 });
}

async function place(page: Page, fields: Record<string, string>): Promise<void> {
  for (const [label, value] of Object.entries(fields)) {
    await page.locator("#place").getByLabel(label).fill(value);
  }
  await page.getByRole("button", { name: "Place it" }).click();
}

Deno.test({
  name: "the page acts on a pipeline that runs",
  ignore: executablePath === undefined,
  sanitizeResources: false,
  sanitizeOps: false,
  async fn(t) {
    browser ??= await startChromium(executablePath ?? "");
    await using pipeline = await startPipeline({ API_TOKENS: `ops:all:${token}` });
    const { sql } = pipeline.runtime.database;
    const { page, complaints } = await openPage(browser, pipeline.origin, token);
    await until(page, "#connection-text", "Live");
    const orders = async () => Number((await sql`select count(*) as count from orders`)[0]?.count);

    await t.step("an order is placed and its way shown up to its invoice in the view", async () => {
      await place(page, { Customer: "customer-7", "Amount, net": "12.34" });
      await until(page, "#way-order", "12.34 USD for customer-7");
      await until(page, "#way-steps li.done >> nth=3", "GET /orders/{id} says invoiced");
      await until(page, "#way-steps li.done >> nth=2", "13.36 USD gross, 1.02 of it tax");
      await until(page, "#way-steps li.done >> nth=1", /seen after .*partition 0, offset 0/);
      assertEquals(await page.locator("#way-steps li.open").count(), 0);
    });

    await t.step(
      "an order that cannot be invoiced ends as a dead letter, with the reason",
      async () => {
        await place(page, { Customer: "customer-7", Currency: "XTS", "Order id": "order-xts" });
        await until(page, "#way-order", "order-xts");
        await until(page, "#way-steps li.failed", /Dead-lettered.*no tax rate for XTS/);
        await until(page, "#way-steps li.done >> nth=2", "GET /orders/{id} says dead-lettered");
      },
    );

    await t.step("what the browser can tell is wrong is not sent", async () => {
      const before = await orders();
      await place(page, { Customer: "", Currency: "usd" });
      assertEquals(await page.locator("#place :invalid").count(), 2);
      assertEquals(await orders(), before);
    });

    await t.step("what the server refuses is said in its words, beside the field", async () => {
      await place(page, { Customer: "customer-7", Currency: "JPY", "Amount, net": "1.5" });
      await until(page, "#place-problem", "The request has invalid fields");
      await until(page, "#place-amount-problem", "must have no decimals: JPY has none");
      assertEquals(await page.locator("#place-amount").getAttribute("aria-invalid"), "true");
      await place(page, { Currency: "USD", "Order id": "order-xts" });
      await until(page, "#place-order-problem", "is taken");
      assertEquals(await page.locator("#place-amount-problem").isVisible(), false);
    });

    await t.step("an order whose answer was lost is sent again, and placed once", async () => {
      const before = await orders();
      await page.route("**/orders", async (route) => {
        await route.fetch();
        await route.abort();
      }, { times: 1 });
      await place(page, { Customer: "customer-once", "Order id": "" });
      await until(page, "#place-problem", "Whether it was placed is not known");
      assertEquals(await orders(), before + 1);
      await page.getByRole("button", { name: "Place it" }).click();
      await until(page, "#way-order", "for customer-once");
      assertEquals(await orders(), before + 1);
    });

    assertEquals(
      complaints.filter((text) => !/status of 4\d\d|ERR_FAILED/.test(text)),
      [],
    );
  },
});
