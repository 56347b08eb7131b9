/** What the doctor prints, and that one check that hangs or fails keeps no other. */
import { addressed, not, right, splitRemedy } from "../../src/tools/doctor/finding.ts";
import { reportOf, reportText } from "../../src/tools/doctor/report.ts";
import { runChecks, skipped } from "../../src/tools/doctor/run_checks.ts";
import { doctorCommand } from "../../src/cli/doctor.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";

Deno.test("a check that hangs, or fails, is a line, and the others are answered", async () => {
  const hanging = Promise.withResolvers<never>();
  const found = await runChecks([
    { subject: "frozen", look: () => hanging.promise },
    { subject: "broken", look: () => Promise.reject(new Error("no way")) },
    { subject: "good", look: () => Promise.resolve([right("good", "yes")]) },
  ], {
    timeoutMs: 20,
    explain: (subject, error) => not("not_checked", subject, (error as Error).message),
  });
  assertEquals(found.map(({ subject, standing }) => `${subject} ${standing}`), [
    "frozen not_checked",
    "broken not_checked",
    "good right",
  ]);
  assertStringIncludes(found[0]?.text ?? "", "no answer within 0.02 s");
  assertEquals(found[1]?.text, "no way");
});

Deno.test("no line is wider than 100 columns, whatever the data holds", () => {
  const sections = [{
    ...{ about: "kafka" as const, place: "k:9092" },
    findings: [
      right("topic a", "x".repeat(300)),
      not("wrong", "topic b", `two\nlines ${"word ".repeat(60)}`, `say ${"y".repeat(250)}`),
      ...skipped([{ subject: "one" }, { subject: "two" }], "Kafka was not reached"),
    ],
  }];
  const report = reportOf(sections);
  const text = reportText(report);
  const lines = text.split("\n");
  assertEquals(lines.filter((line) => line.length > 100), []);
  assert(lines.some((line) => line.startsWith("  WRONG       topic b: two lines word")));
  assert(lines.some((line) => line.trimStart().startsWith("-> say")));
  assertStringIncludes(text, "not checked one, two: Kafka was not reached");
  assertEquals(lines.at(-1), "1 ok, 1 WRONG, 2 not checked. Nothing of yours was changed.");
  assertEquals(report.good, false);
});

Deno.test("the remedy is what follows the last mark", () => {
  assertEquals(splitRemedy("a; b; c", "; "), { text: "a; b", remedy: "c" });
  assertEquals(splitRemedy("a", "; "), { text: "a" });
});

Deno.test("a command of Kafka's in a remedy names the cluster, once", () => {
  const remedyOf = (remedy?: string) =>
    addressed({ subject: "s", standing: "warning", text: "t", remedy }, ["a:1", "b:2"]).remedy;
  assertEquals(
    remedyOf("set it right: kafka-configs.sh --alter --topic t; or kafka-topics.sh --create"),
    "set it right: kafka-configs.sh --bootstrap-server a:1,b:2 --alter --topic t; or kafka-topics.sh " +
      "--bootstrap-server a:1,b:2 --create",
  );
  const features = remedyOf("kafka-features.sh upgrade --feature f");
  assertEquals([features, remedyOf("(kafka-topics.sh)"), remedyOf()], [
    "kafka-features.sh --bootstrap-server a:1,b:2 upgrade --feature f",
    "(kafka-topics.sh)",
    undefined,
  ]);
});

Deno.test("something wrong weighs more than something that was not checked", async () => {
  const run = (...standings: ("right" | "wrong" | "not_checked")[]) => {
    const findings = standings.map((standing) => ({ subject: "s", standing, text: "t" }));
    const command = doctorCommand({
      examine: () => Promise.resolve([{ about: "kafka", place: "", findings }]),
    });
    return command.parseAsync(["--json"], { from: "user" });
  };
  const { log } = console;
  const printed: string[] = [];
  console.log = (text: string) => void printed.push(text);
  try {
    await run("right");
    await assertRejects(() => run("wrong", "not_checked"), Error, "something is wrong");
    await assertRejects(() => run("right", "not_checked"), Error, "not everything was checked");
  } finally {
    console.log = log;
  }
  assertEquals(JSON.parse(printed[1] ?? "").tally.not_checked, 1);
});
