/** The benchmark's report in a real browser, of a run that was kept. Skipped where there is no Chromium. */
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { reportSchema } from "../../src/tools/bench/report.ts";
import { reportHtml } from "../../src/tools/bench/report_html.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { findChromium, startChromium } from "./chromium.ts";
import sample from "./bench_sample.json" with { type: "json" };

const executablePath = findChromium();
const html = reportHtml(reportSchema.parse(sample));

/** Runs in the page before its own scripts: keeps every text that a canvas is asked to draw beyond its edge. */
const watchCanvas = `
  globalThis.cutTexts = [];
  const { fillText } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y, ...rest) {
    const size = this.measureText(text);
    const matrix = this.getTransform();
    for (const dx of [-size.actualBoundingBoxLeft, size.actualBoundingBoxRight]) {
      for (const dy of [-size.actualBoundingBoxAscent, size.actualBoundingBoxDescent]) {
        const at = matrix.transformPoint({ x: x + dx, y: y + dy });
        const inside = at.x > -1 && at.y > -1 && at.x < this.canvas.width + 1 && at.y < this.canvas.height + 1;
        if (!inside) cutTexts.push(text);
      }
    }
    return fillText.call(this, text, x, y, ...rest);
  };
`;

/** What a reader would stumble over. */
interface Look {
  readonly height: number;
  readonly overflow: number;
  readonly titles: readonly string[];
  readonly cut: readonly string[];
  /** Tables that are to be pushed sideways to be seen. */
  readonly scrolled: number;
  readonly canvases: number;
  readonly firstBarsTop: number;
  readonly targetsTop: number;
  readonly lastChartTop: number;
}

/** As the page itself measures it. */
const lookAt = (page: Page) =>
  page.evaluate<Look>(`(() => {
    const root = document.documentElement;
    const all = (selector) => [...document.querySelectorAll(selector)];
    const top = (one) => one.getBoundingClientRect().top;
    return {
      height: root.scrollHeight,
      overflow: root.scrollWidth - root.clientWidth,
      titles: all("figcaption b, .u-title, h2").map(({ textContent }) => textContent.trim()),
      cut: [
        ...all("h1, h2, p, li, b, .name, figcaption, summary, code, .u-title, .u-label")
          .filter((one) => one.clientWidth > 0 && one.scrollWidth > one.clientWidth + 1)
          .map(({ textContent }) => textContent),
        ...cutTexts,
      ],
      scrolled: all(".wide").filter((one) => one.scrollWidth > one.clientWidth + 1).length,
      canvases: all("canvas").length,
      firstBarsTop: top(all(".bars")[0]),
      targetsTop: top(all("#targets")[0]),
      lastChartTop: Math.max(...all(".chart, .curves").map(top)),
    };
  })()`);

const address = "http://report.test/";

async function withReport(
  options: NonNullable<Parameters<Browser["newPage"]>[0]>,
  look: (page: Page, complaints: readonly string[]) => Promise<void>,
): Promise<void> {
  const browser = await startChromium(executablePath ?? "");
  try {
    const page = await browser.newPage(options);
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("request", (request) => request.url() !== address && complaints.push(request.url()));
    await page.addInitScript(watchCanvas);
    await page.route(address, (route) => route.fulfill({ contentType: "text/html", body: html }));
    await page.goto(address);
    await look(page, complaints);
  } finally {
    await browser.close();
  }
}

const views = [
  {
    name: "desktop",
    viewport: { width: 1_280, height: 800 },
    colorScheme: "light",
    heightMax: 6_000,
  },
  { name: "phone", viewport: { width: 390, height: 844 }, colorScheme: "dark", heightMax: 9_200 },
] as const;

for (const { name, heightMax, ...options } of views) {
  Deno.test({
    name:
      `the report on a ${name} begins with its picture, is not cut, and is no longer than it must be`,
    ignore: executablePath === undefined,
    sanitizeResources: false,
    sanitizeOps: false,
    fn: () =>
      withReport(options, async (page, complaints) => {
        const { height, overflow, titles, cut, canvases, ...tops } = await lookAt(page);
        assertEquals(titles.filter((title) => title.length < 5), []);
        assertEquals(cut, []);
        assertEquals(overflow, 0);
        assertEquals(complaints, []);
        assert(height < heightMax, `${height} px`);
        assert(canvases > 0, "curves are drawn");
        assert(
          tops.firstBarsTop < options.viewport.height,
          `bars begin at ${tops.firstBarsTop} px`,
        );
        assert(tops.targetsTop > tops.lastChartTop, "targets stand behind the charts");
        for (const details of await page.locator("summary").all()) await details.click();
        const opened = await lookAt(page);
        assertEquals(opened.overflow, 0, "tables scroll within themselves");
        await page.evaluate(axe.source);
        const { violations } = await page.evaluate<{ violations: { id: string }[] }>("axe.run()");
        assertEquals(violations.map(({ id }) => id), []);
        if (name === "phone") assertEquals(opened.scrolled, 0, "and need not on a phone");
      }),
  });
}
