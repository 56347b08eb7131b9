/** The dashboard and the alert rules name metrics that exist, with labels that they have, in PromQL that Prometheus reads. */
import { parser } from "@prometheus-io/lezer-promql";
import { parse as parseYaml } from "yaml";
import { createObservability, workerObservers } from "../../src/app/compose/observability.ts";
import { createMetrics } from "../../src/engine/observe/metrics.ts";
import { assert, assertEquals } from "../support/assert.ts";

const folder = new URL("../../src/tools/monitoring/", import.meta.url);
const read = (file: string) => Deno.readTextFile(new URL(file, folder));

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: Readonly<Record<string, string>>;
}

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly w: number };
  readonly targets?: readonly Target[];
  readonly fieldConfig: {
    readonly overrides: readonly { readonly matcher: { readonly options: string } }[];
  };
}

interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat: string;
  readonly format?: string;
}

async function rules(): Promise<readonly Rule[]> {
  const { groups } = parseYaml(await read("alerts.yml")) as {
    groups: readonly { readonly rules: readonly Rule[] }[];
  };
  return groups.flatMap((group) => group.rules);
}

async function panels(): Promise<readonly Panel[]> {
  return (JSON.parse(await read("dashboard.json")) as { panels: readonly Panel[] }).panels;
}

/** What scrapes add to every series. */
const scraped = ["instance", "job"];

/** The labels of each series, by its name. */
async function knownSeries(): Promise<ReadonlyMap<string, readonly string[]>> {
  const metrics = createMetrics();
  const known = new Map<string, readonly string[]>();
  for (const metric of Object.values(metrics)) {
    if (typeof metric !== "object") continue;
    const { name, labelNames, type } = metric as unknown as {
      readonly name: string;
      readonly labelNames: readonly string[];
      readonly type?: string;
    };
    assert(name.startsWith("onceflow_"), type);
    for (const suffix of ["", "_bucket", "_sum", "_count"]) {
      known.set(`${name}${suffix}`, [...labelNames, ...scraped, ...suffix ? ["le"] : []]);
    }
  }
  // Those without a series of their own in `Metrics`.
  const { body } = await metrics.expose();
  for (const [, name = ""] of body.matchAll(/^# TYPE (\S+)/gm)) {
    if (!known.has(name)) known.set(name, scraped);
  }
  return known;
}

/** What is wrong with an expression. */
function objectionsTo(given: string, known: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = [];
  // Grafana puts a duration in its place.
  const expression = given.replaceAll("$__rate_interval", "1m");
  const names = new Set<string>();
  const used = new Set<string>();
  parser.parse(expression).iterate({
    enter(node) {
      const text = expression.slice(node.from, node.to);
      if (node.type.isError) found.push(`no PromQL at "${expression.slice(node.from)}"`);
      else if (node.name === "Identifier" && node.node.parent?.name === "VectorSelector") {
        names.add(text);
      } else if (node.name === "LabelName") used.add(text);
    },
  });
  if (names.size === 0) found.push("it names no metric");
  const labels = new Set([...names].flatMap((name) => known.get(name) ?? []));
  for (const name of names) if (!known.has(name)) found.push(`there is no metric ${name}`);
  for (const label of used) if (!labels.has(label)) found.push(`no metric has the label ${label}`);
  return found;
}

Deno.test("alert rules ask for metrics that exist, and each says what to do", async () => {
  const known = await knownSeries();
  const all = await rules();
  for (const { alert, expr, labels, annotations } of all) {
    assertEquals(objectionsTo(expr, known), [], alert);
    assert(/^Onceflow[A-Z]/.test(alert), alert);
    assert(["warning", "critical"].includes(labels.severity), alert);
    assert((annotations.summary?.length ?? 0) > 20, alert);
    assert((annotations.runbook?.length ?? 0) > 60, alert);
  }
  assertEquals(new Set(all.map(({ alert }) => alert)).size, all.length);
  // A gauge goes with its process: that it is 0 nowhere is no sign that somebody leads.
  const nobody = all.find(({ alert }) => alert === "OnceflowNobodyRelays")?.expr ?? "";
  assert(nobody.includes("absent(onceflow_relay_leader)"), nobody);
});

Deno.test("the dashboard asks for metrics that exist, and leaves none of ours out", async () => {
  const known = await knownSeries();
  const all = (await panels()).filter(({ type }) => type !== "row");
  let shown = "";
  for (const { title, description, targets = [], gridPos } of all) {
    assert(description && targets.length > 0, title);
    assert(gridPos.x + gridPos.w <= 24, title);
    for (const { expr, legendFormat } of targets) {
      assertEquals(objectionsTo(expr, known), [], title);
      for (const [, label = ""] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
        assert(!expr.includes(" by (") || expr.includes(label), `${title}: ${label}`);
      }
      shown += `${expr}\n`;
    }
  }
  const missing = [...known.keys()].filter((name) =>
    !/_(?:bucket|sum|count)$/.test(name) && !new RegExp(`\\b${name}(?:_bucket)?\\b`).test(shown)
  );
  assertEquals(missing, ["onceflow_scrape_failures_total"]);
});

/** What an expression counts: rates and amounts, durations, positions and states are not drawn on one axis. */
function kindOf(expr: string): string {
  const every = /^60 \*/.test(expr) ? "minute" : "second";
  if (/\brate\(/.test(expr) && !expr.includes("histogram_quantile")) return `a ${every}`;
  return /_(seconds|bytes|position|leader)(_bucket)?\b/.exec(expr)?.[1] ?? "amount";
}

Deno.test("queries of one graph have one unit, or the other its own axis; tables have columns", async () => {
  for (const { type, title, targets = [], fieldConfig } of await panels()) {
    if (type === "table") {
      assertEquals(targets.map(({ format }) => format), targets.map(() => "table"), title);
    }
    if (type !== "timeseries") continue;
    const apart = fieldConfig.overrides.map(({ matcher }) => matcher.options);
    const kinds = targets.filter(({ refId }) => !apart.includes(refId))
      .map(({ expr }) => kindOf(expr));
    assertEquals([title, new Set(kinds).size], [title, 1], kinds.join(", "));
  }
});

Deno.test("a metric, a label and a bracket that are wrong are found", async () => {
  const known = await knownSeries();
  for (
    const wrong of [
      "rate(onceflow_record_total[5m])",
      'onceflow_records_total{flows="a"}',
      "sum by (shards) (onceflow_relay_leader)",
      "sum(onceflow_relay_leader",
    ]
  ) assertEquals(objectionsTo(wrong, known).length > 0, true, wrong);
  assertEquals(objectionsTo("sum by (shard) (onceflow_relay_leader)", known), []);
});

/** Prometheus' own tool, where this machine has it. */
const promtool = (() => {
  try {
    return new Deno.Command("promtool", { args: ["--version"] }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
})();

Deno.test({
  name: "promtool objects to no rule and to no metric",
  ignore: !promtool,
  async fn() {
    const observability = createObservability();
    const { lane, relay, projector } = workerObservers(observability);
    lane?.committed?.({ records: 3, outputs: 2, deadLetters: 1, ms: 20 });
    relay?.leading?.(0, true);
    relay?.relayed?.({ shard: 0, rows: 1, position: 1, oldestAt: new Date(), ms: 5 });
    const at = { topic: "orders", partition: 0, nextOffset: 1 };
    projector?.onApplied?.({ ...at, events: 1, skipped: 0, repeated: 0 });
    const { body } = await observability.metrics.expose();
    const said = async (args: readonly string[], input = "") => {
      const child = new Deno.Command("promtool", {
        ...{ args: [...args], stdin: "piped", stdout: "piped", stderr: "piped" },
      }).spawn();
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode(input));
      await writer.close();
      const { code, stderr } = await child.output();
      return [code, new TextDecoder().decode(stderr)];
    };
    assertEquals(await said(["check", "metrics"], body), [0, ""]);
    assertEquals(
      await said(["check", "rules", new URL("alerts.yml", folder).pathname]),
      [0, ""],
    );
    // At rest for a week, in a rolling restart, behind a gap: when they fire, and when not.
    const cases = ["alerts_cases.yml", "alerts_days_cases.yml"]
      .map((file) => new URL(file, folder).pathname);
    assertEquals(await said(["test", "rules", ...cases]), [0, ""]);
  },
});
