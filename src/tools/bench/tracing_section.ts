/** The part of the benchmark that collects spans: the same drain with tracing off, and with one trace of a hundred kept. */
import { compareDrains, type Variant } from "./compare_drains.ts";
import { type BenchContext, ownProcess } from "./context.ts";
import { notesOf, ratioFigure, throughput } from "./drain_figures.ts";
import type { SectionResult } from "./report.ts";
import { targets } from "./plan.ts";

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
  const off = { ...base, command };
  const on = { ...base, command: { ...command, env } };
  const variants: Variant[] = [
    { ...off, traced: true, id: "off", label: "tracing off" },
    { ...on, traced: true, id: "sampled", label: "1 % of the traces kept" },
    { ...off, id: "off_first", label: "tracing off, records without a trace" },
    { ...on, id: "sampled_first", label: "1 % of the traces kept, each begun here" },
  ];
  const found = await compareDrains(context, "tracing", variants, rounds);
  const figures = variants.flatMap(({ id, label }) => throughput("tracing", id, label, found));
  figures.push(
    ...ratioFigure(found, "sampled", "off", {
      id: "tracing.ratio",
      label: "traced to not, round by round",
      target: targets.tracedToUntraced,
    }),
    ...ratioFigure(found, "sampled_first", "off_first", {
      id: "tracing.ratio_first",
      label: "the same where each record begins a trace",
    }),
  );
  return {
    title: "Tracing",
    about:
      `The same drain of ${drainRecords} records under exactly-once, without and with spans. Records bring a trace, as those ` +
      `of the outbox do, and one of a hundred is kept. Records of other producers may bring none: then each begins one, for ` +
      `which Deno makes a span to ask its sampler. The collector is in this process, and took ${requests} requests.`,
    figures,
    plots: [],
    notes: notesOf(found),
  };
}
