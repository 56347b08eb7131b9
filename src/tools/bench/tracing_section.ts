/** The part of the benchmark that collects spans: the same drain with tracing off, and with one trace of a hundred kept. */
import { compareDrains, type Variant } from "./compare_drains.ts";
import { type BenchContext, ownProcess } from "./context.ts";
import { notesOf, ratioOf, type SectionResult, throughput } from "./drain_sections.ts";
import { targets } from "./plan.ts";
import { figure } from "./report.ts";

/** See the file's first line. */
export async function tracingSection(context: BenchContext): Promise<SectionResult> {
  const { plan: { drainRecords, rounds } } = context;
  let requests = 0;
  await using collector = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      await request.body?.cancel();
      requests++;
      return Response.json({});
    },
  );
  const command = ownProcess("flow_child.ts");
  const env = {
    OTEL_DENO: "true",
    OTEL_DENO_CONSOLE: "ignore",
    OTEL_METRICS_EXPORTER: "none",
    OTEL_LOGS_EXPORTER: "none",
    OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
    OTEL_TRACES_SAMPLER_ARG: "0.01",
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.addr.port}`,
  };
  const base = { records: drainRecords, partitions: 4 };
  const variants: Variant[] = [
    { ...base, command, id: "off", label: "tracing off" },
    { ...base, command: { ...command, env }, id: "sampled", label: "1 % of the traces kept" },
  ];
  const found = await compareDrains(context, "tracing", variants, rounds);
  const figures = variants.flatMap(({ id, label }) => throughput("tracing", id, label, found));
  const ratio = ratioOf(found, "sampled", "off");
  if (ratio) {
    figures.push(figure(
      "tracing.ratio",
      "traced to not, round by round",
      "ratio",
      "higher",
      ratio,
      targets.tracedToUntraced,
    ));
  }
  return {
    title: "Tracing",
    about:
      `The same drain of ${drainRecords} records under exactly-once, and with spans: no record brings a trace, so each begins ` +
      `one and asks the sampler, which is the dearest case. The collector is in this process, and took ${requests} requests.`,
    figures,
    plots: [],
    notes: notesOf(found),
  };
}
