import { fileURLToPath } from "node:url";
import {
  formatDecimal,
  formatRate,
  formatSeconds,
  shortenId,
} from "../../src/app/dashboard/page/format.js";
import { newHistory, rateOf, remember, sparkline } from "../../src/app/dashboard/page/history.js";
import { plain } from "../../src/app/dashboard/page/plain.js";
import { plainText } from "../../src/engine/core/plain_text.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("decimals keep every digit that they came with", () => {
  assertEquals(formatDecimal("12345678901234567890.10"), "12,345,678,901,234,567,890.10");
  assertEquals(formatDecimal("-1234.5"), "-1,234.5");
  assertEquals(formatDecimal("7"), "7");
});

Deno.test("lengths of time are told in the unit that fits", () => {
  const told = [0.0042, 1.25, 75, 7_200, 900_000].map(formatSeconds);
  assertEquals(told, ["4 ms", "1.3 s", "1 min 15 s", "2 h", "10.4 days"]);
});

Deno.test("a shortened id keeps the end that tells it from its neighbours", () => {
  assertEquals(shortenId("order-1"), "order-1");
  assertEquals(shortenId("0193a5c8-7d31-7a4e-9c11-aa0f3b2c9d41"), "0193a…3b2c9d41");
});

Deno.test("the page writes out the same signs as the terminal does", () => {
  for (let code = 0; code < 0x10000; code++) {
    const sign = String.fromCharCode(code);
    assertEquals(plain(sign), plainText(sign), code.toString(16));
  }
});

Deno.test("the rate is what was added in the last five seconds", () => {
  const history = newHistory();
  assertEquals(rateOf(history), undefined);
  for (let second = 0; second <= 20; second++) {
    remember(history, second * 1_000, second <= 10 ? 0 : (second - 10) * 50);
  }
  assertEquals(rateOf(history), 50);
  assertEquals(formatRate(rateOf(history)), "50/s");
});

Deno.test("the same moment seen twice is one sample, and only a minute is kept", () => {
  const history = newHistory();
  for (let second = 0; second < 200; second++) {
    remember(history, second * 1_000, second);
    remember(history, second * 1_000, second);
  }
  assertEquals(history.samples.length, 61);
  assert(sparkline(history).startsWith("1.7,"), sparkline(history));
});

Deno.test("a count that fell starts the line anew instead of drawing a negative rate", () => {
  const history = newHistory();
  remember(history, 0, 1_000);
  remember(history, 1_000, 3);
  assertEquals(rateOf(history), undefined);
  remember(history, 2_000, 4);
  assertEquals(rateOf(history), 1);
});

Deno.test("the page's script fits the browser's types and the document's", async () => {
  // Checked apart: the browser's types would otherwise stand beside Deno's in the whole program, and contradict them.
  const { code, stderr } = await new Deno.Command("deno", {
    args: [
      "check",
      "--quiet",
      "--no-lock",
      "--config=tests/browser/page_check.json",
      "--import-map=deno.json",
      "src/app/dashboard/page/main.js",
    ],
    cwd: fileURLToPath(new URL("../../", import.meta.url)),
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
});
