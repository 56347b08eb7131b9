/** What data can do to a terminal: nothing. */
import { oneLine, plainText } from "../../src/engine/core/plain_text.ts";
import { brief } from "../../src/engine/dead_letters/describe_bytes.ts";
import { formatExplanation } from "../../src/tools/verify/format_explanation.ts";
import { configureLogging } from "../../src/engine/observe/logging.ts";
import { getLogger } from "@logtape/logtape";
import { assertEquals } from "../support/assert.ts";

const root = new URL("../../", import.meta.url);
const hostile = "a\u001b[2Jb\rc\u009bd\u202ee\u2066f\u200fg\u0007h\u2028i\u007fj";
// deno-lint-ignore no-control-regex -- finding control characters is the point
const steers = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

Deno.test("what steers a terminal is written out, and the rest stays as it is", () => {
  assertEquals(plainText("é 😀\t|\n—"), "é 😀\t|\n—");
  assertEquals(plainText("\u001b[2J\r\u202e"), String.raw`\u001b[2J\u000d\u202e`);
  assertEquals(steers.test(plainText(hostile)), false);
});

Deno.test("a line break of data is seen, and makes no line", () => {
  assertEquals(oneLine("a\nb\tc\u2028d"), String.raw`a\nb\tc\u2028d`);
  const forged = "PoisonError: x\nOrder b: invoiced. All is well.";
  const explained = formatExplanation({
    order_id: "a\nb",
    standing: { stage: "dead-lettered", because: forged },
    history: {
      order_id: "a\nb",
      steps: [{
        stage: "dead-lettered",
        place: "orders.DLQ-0@1",
        state: "committed",
        detail: forged,
      }],
    },
    horizon: null,
  });
  assertEquals(explained.split("\n").length, 4);
  assertEquals(explained.includes("\nOrder b"), false);
});

Deno.test("a line break of data makes no line in the log", () => {
  const lines: string[] = [];
  configureLogging({ level: "info", terminal: false, write: (line) => lines.push(line) });
  getLogger(["onceflow", "test"]).info("{error}", { error: "a\n2026-01-01T00:00:00Z [WRN] b" });
  assertEquals(lines.length, 1);
  assertEquals(lines[0]?.trimEnd().includes("\n"), false);
});

Deno.test("a JSON document says the same after it", () => {
  const value = { [hostile]: [hostile, "\\u001b"] };
  const text = plainText(JSON.stringify(value, null, 2));
  assertEquals(steers.test(text), false);
  assertEquals(JSON.parse(text), value);
});

Deno.test("lines of the log and of tables carry none of it", () => {
  const lines: string[] = [];
  for (const format of ["text", "json"] as const) {
    for (const terminal of [true, false]) {
      configureLogging({ level: "info", format, terminal, write: (line) => lines.push(line) });
      getLogger(["onceflow", "test"]).info(`${hostile} {order}`, { order: hostile });
    }
  }
  assertEquals(lines.length, 4);
  // Colours are the log's own.
  // deno-lint-ignore no-control-regex -- colours
  const bare = lines.map((line) => line.replaceAll(/\u001b\[[\d;]*m/g, "").trimEnd());
  assertEquals(bare.filter((line) => steers.test(line)), []);
  assertEquals(steers.test(plainText(brief(hostile, 40))), false);
});

Deno.test("commands print by one function", async () => {
  const others: string[] = [];
  for await (const { name } of Deno.readDir(new URL("src/cli/", root))) {
    const text = await Deno.readTextFile(new URL(`src/cli/${name}`, root));
    if (/\bconsole\.|Deno\.stdout/.test(text)) others.push(name);
  }
  // `dlq show --raw` writes the bytes that it is asked for, and nothing else.
  assertEquals(others.toSorted(), ["dlq.ts", "print.ts"]);
});
