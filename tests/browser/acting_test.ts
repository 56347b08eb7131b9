/** What the page does, over a pipeline that runs, in a real browser. Skipped, with a word about it, where there is none. */
import axe from "axe-core";
import { Kafka, logLevel } from "kafkajs";
import type { Browser, Page } from "playwright-core";
import { waitFor } from "../../src/tools/stack/wait.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { findChromium, startChromium } from "./chromium.ts";
import { openPage, startPipeline } from "./pipeline_page.ts";

const executablePath = findChromium();
let browser: Browser | undefined;
Deno.test.afterAll(() => browser?.close());

const [token, reading] = ["t".repeat(32), "r".repeat(32)];

async function until(page: Page, selector: string, text: string | RegExp): Promise<void> {
  await page.locator(selector).filter({ hasText: text }).waitFor({ timeout: 30_000 });
}

async function place(page: Page, fields: Record<string, string>): Promise<void> {
  for (const [label, value] of Object.entries(fields)) {
    await page.locator("#place").getByLabel(label).fill(value);
  }
  await page.getByRole("button", { name: "Place it" }).click();
}

/** Looks at the open dialog on desktop and phone, in light and dark: axe has no finding, and every button can be seen. */
async function judgeDialog(page: Page): Promise<void> {
  await page.evaluate(axe.source);
  for (const width of [1280, 390]) {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.setViewportSize({ width, height: 700 });
      await page.emulateMedia({ colorScheme });
      const { violations } = await page.evaluate<{ violations: { id: string }[] }>(
        'axe.run("dialog[open]")',
      );
      const title = await page.locator("dialog[open] h2").innerText();
      assertEquals([title, violations.map(({ id }) => id)], [title, []], `${width} ${colorScheme}`);
      for (const button of await page.locator("dialog[open] .buttons button:visible").all()) {
        const box = await button.boundingBox();
        assert(box !== null && box.y + box.height <= 700, `${title}: a button is cut off`);
      }
    }
  }
  await page.setViewportSize({ width: 1280, height: 720 });
}

Deno.test({
  name: "the page acts on a pipeline that runs",
  ignore: executablePath === undefined,
  sanitizeResources: false,
  sanitizeOps: false,
  async fn(t) {
    browser ??= await startChromium(executablePath ?? "");
    await using pipeline = await startPipeline({
      API_TOKENS: `ops:all:${token},eve:read:${reading}`,
    });
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

    await t.step("a dead letter is shown whole, as text", async () => {
      await until(page, "#dead-letters-by-cause", /PoisonError: .*no tax rate for .*1/);
      await page.locator("#dead-letters-latest").getByRole("button", { name: "Look at 0/0" })
        .click();
      await until(page, "#letter-body", "x-error-class: PoisonError");
      await until(page, "#letter-body", `"currency": "XTS"`);
      await until(page, "#letter-body", "after 1 try");
      await judgeDialog(page);
      await page.getByRole("button", { name: "Follow the order" }).click();
      await until(page, "#trail", "Dead-lettered");
    });

    const sendBack = page.getByRole("button", { name: "Send 0/0 back" });
    await t.step("who has no right to operate is told so, and nothing is done", async () => {
      const other = await openPage(browser!, pipeline.origin, reading);
      await until(other.page, "#operating", "The token has no right to operate");
      for (const name of ["Send 0/0 back", "Parked keys", "Rebuild the read model"]) {
        assertEquals(await other.page.getByRole("button", { name }).isDisabled(), true, name);
      }
      await other.page.getByRole("button", { name: "Look at 0/0" }).first().click();
      await until(other.page, "#letter-body", "x-error-class: PoisonError");
      assertEquals(await other.page.locator("#letter-redrive").isDisabled(), true);
      await other.page.close();
      assertEquals(await page.locator("#operating").isVisible(), false);
    });

    await t.step(
      "a dead letter goes back once the cause is mended, and who did it is noted",
      async () => {
        await sql`insert into tax_rates (currency, rate) values ('XTS', 0.5)`;
        // A consumer of somebody else's, and a dead letter beside this one that is gone.
        const { runtime: { services, config } } = pipeline;
        const admin = new Kafka({
          brokers: [...services.kafka.brokers],
          logLevel: logLevel.NOTHING,
        })
          .admin();
        const topic = config.ORDERS_TOPIC;
        await admin.setOffsets({
          ...{ groupId: "reports", topic },
          partitions: [{ partition: 0, offset: "0" }],
        });
        await admin.disconnect();
        await page.route("**/dead-letters/redrive", async (route) => {
          const body = { ...route.request().postDataJSON(), addresses: ["0/0", "0/999"] };
          await route.continue({ postData: JSON.stringify(body) });
        }, { times: 2 });
        await sendBack.click();
        await until(page, "#operate-what", "1 dead letter would go back");
        await until(page, "#operate-what", "not there, or not what else was asked for: 1.");
        await until(page, "#operate-notes", /Other groups that read .*orders: .*reports/);
        await judgeDialog(page);
        assertEquals((await sql`select 1 from audit_log`).length, 0);
        await page.getByRole("button", { name: "Send 1 dead letter back" }).click();
        await until(page, "#operate-what", "Done: 1 dead letter sent back");
        await until(page, "#operate-what", "not there, or not what else was asked for: 1.");
        await until(page, "#operate-notes", "Other groups that read");
        await page.locator("#operate-close").click();
        const noted = await sql`select operator, action, outcome from audit_log order by id`;
        assertEquals(noted.map((row) => Object.values(row).join(" ")), [
          "ops dlq redrive begun",
          "ops dlq redrive done",
        ]);
        await page.locator("#order-id").fill("order-xts");
        await waitFor(async () => {
          await page.getByRole("button", { name: "Find" }).click();
          const text = await page.locator("#trail").innerText();
          return text.includes("Invoiced") || undefined;
        }, { waitMsMax: 20_000 });
        await sendBack.click();
        await until(page, "#operate-what", "Nothing would go back. Sent back before");
        await page.getByRole("button", { name: "Send that once more, too" }).click();
        await until(page, "#operate-what", "1 of them were sent back before: where they were");
        await page.locator("#operate-close").click();
      },
    );

    await t.step("all with one cause go back together, and those with another stay", async () => {
      for (const user of ["a", "b"]) {
        await place(page, { Customer: user, Currency: "XXX" });
        await until(page, "#way-order", `for ${user}`);
        await until(page, "#way-steps li.failed", "no tax rate for XXX");
      }
      const cause = page.locator("#dead-letters-by-cause li").filter({ hasText: "XXX" });
      await cause.locator("strong").filter({ hasText: "2" }).waitFor({ timeout: 30_000 });
      await cause.getByRole("button", { name: /^Send all of/ }).click();
      await until(page, "#operate-what", "2 dead letters would go back");
      await judgeDialog(page);
      await page.getByLabel("Records a second, at most").fill("50");
      await page.getByRole("button", { name: "Send 2 dead letters back" }).click();
      await until(page, "#operate-what", "Done: 2 dead letters sent back");
      await page.locator("#operate-close").click();
      await cause.locator("strong").filter({ hasText: "4" }).waitFor({ timeout: 30_000 });
      const [noted] = await sql`select detail from audit_log order by id desc limit 1`;
      assertEquals(noted?.detail.per_second, 50);
    });

    await t.step("a record that failed again tells its trips", async () => {
      await page.locator("#dead-letters-latest").getByRole("button", { name: /^Look at/ }).first()
        .click();
      await until(page, "#letter-body", /a dead letter 2 times, after 2 tries in all/);
      await page.locator("#letter-close").click();
    });

    await t.step("parked keys are looked for, and none is found", async () => {
      await page.getByRole("button", { name: "Parked keys" }).click();
      await until(page, "#operate-what", "No key is parked");
      await page.locator("#operate-close").click();
    });

    await t.step("the read model is rebuilt, and is as it was", async () => {
      const view = () => sql`select * from order_view order by order_id`;
      const before = await view();
      await sql`delete from order_view where order_id = 'order-xts'`;
      await page.locator("#rebuild").click();
      await until(page, "#operate-what", "offsets are replayed into tables");
      await judgeDialog(page);
      await page.getByRole("button", { name: "Only compare" }).click();
      await page.locator("#operate-go").filter({ hasText: "Compare" }).click();
      await until(page, "#operate-what", "The tables differ. Nothing was changed");
      await until(page, "#operate-notes", 'only new ["order-xts"]');
      await page.locator("#operate-notes").getByRole("button", { name: "Rebuild" }).click();
      await page.getByRole("button", { name: "Rebuild it" }).click();
      await until(page, "#operate-what", "and swapped in");
      assertEquals(JSON.stringify(await view()), JSON.stringify(before));
      await page.locator("#operate-close").click();
      const [last] = await sql`select operator, action from audit_log order by id desc limit 1`;
      assertEquals(last && Object.values(last), ["ops", "projection rebuild"]);
    });

    await t.step("the tables that it replaced come back, and are dropped at last", async () => {
      const there = () => sql`select 1 from order_view where order_id = 'order-xts'`;
      for (const rows of [0, 1]) {
        await page.locator("#old-tables").click();
        await until(page, "#operate-what", "order_view, customer_totals of version");
        if (rows === 0) await judgeDialog(page);
        await page.getByRole("button", { name: "Go back to them" }).click();
        await until(page, "#operate-what", "the old tables are live again");
        assertEquals((await there()).length, rows);
        await page.locator("#operate-close").click();
      }
      await page.locator("#old-tables").click();
      await page.getByRole("button", { name: "Drop them" }).click();
      await until(page, "#operate-what", "There is no way back to them then");
      await judgeDialog(page);
      await page.locator("#operate-go").filter({ hasText: "Drop them" }).click();
      await until(page, "#operate-what", "Dropped: order_view, customer_totals");
      await page.locator("#operate-close").click();
      await page.locator("#old-tables").click();
      await until(page, "#operate-what", "No old tables are kept");
      await page.locator("#operate-close").click();
    });

    await t.step("what finds nothing to do is not noted", async () => {
      const noted = async () => Number((await sql`select count(*) from audit_log`)[0]?.count);
      const before = await noted();
      for (
        const [path, body, status] of [
          ["read-model/drop-old", {}, 200],
          ["read-model/rollback", {}, 409],
          ["parked-keys/unpark", { all: true }, 200],
          ["dead-letters/redrive", { addresses: ["0/0"] }, 200],
          ["dead-letters/redrive", { addresses: ["0/999"] }, 404],
        ] as const
      ) {
        const answer = await fetch(`${pipeline.origin}/operate/${path}`, {
          method: "POST",
          headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
          body: JSON.stringify(body),
        });
        const said = await answer.text();
        assertEquals([path, answer.status, said.includes('"failed"')], [path, status, false]);
      }
      assertEquals(await noted(), before);
    });

    assertEquals(
      complaints.filter((text) => !/status of 4\d\d|ERR_FAILED/.test(text)),
      [],
    );
  },
});
