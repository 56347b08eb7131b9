/** The part of the benchmark about HTTP: orders until they are durable, and until they are published on Kafka. */
import { build, type Histogram } from "hdr-histogram-js";
import type { z } from "zod";
import { placingToken } from "../../app/compose/open_door.ts";
import { delay } from "../../engine/core/delay.ts";
import { freePort } from "../stack/ports.ts";
import { numberOfKey } from "./bench_event.ts";
import { type BenchContext, ownProcess } from "./context.ts";
import { type httpJobSchema, httpResultSchema } from "./http_load_child.ts";
import { percentileCurve, percentilePlot } from "./latency_section.ts";
import { MeasuredProcess } from "./measured_process.ts";
import { targets } from "./plan.ts";
import { openPrivatePipeline } from "./private_pipeline.ts";
import { type Curve, type Figure, figure, type SectionResult } from "./report.ts";
import { spreadOf } from "./statistics.ts";

const warmSeconds = 1;
const connections = 64;
const readyMsMax = 20_000;
const publishedMsMax = 10_000;

/** See the file's first line. */
export async function httpSection(context: BenchContext): Promise<SectionResult> {
  const { plan, signal } = context;
  await using pipeline = await openPrivatePipeline(context);
  await using probe = await context.openProbe();
  const port = freePort();
  const env = { ...pipeline.env, HTTP_HOST: "127.0.0.1", HTTP_PORT: String(port) };
  const url = `http://127.0.0.1:${port}`;
  const main = ownProcess("../../../main.ts");
  const serve = { ...main, args: [...main.args, "serve"], env };
  await using server = new MeasuredProcess(serve, {});
  await using relay = new MeasuredProcess({ ...ownProcess("role_child.ts"), env }, {
    role: "relay",
    group: "",
  });
  await untilReady(`${url}/readyz`, signal).catch((error) => {
    throw new Error(`serve does not answer: ${server.complaint} ${relay.complaint}`, {
      cause: error,
    });
  });
  const token = placingToken(context.config);
  const load = (job: Pick<z.output<typeof httpJobSchema>, "rate" | "seconds" | "from">) =>
    placeOrders({ ...job, url: `${url}/orders`, connections, token });
  const figures: Figure[] = [];
  const curves: Curve[] = [];
  const notes: string[] = [];
  context.say("http: warm-up");
  let from = (await load({ rate: 0, seconds: warmSeconds, from: 0 })).accepted + connections;

  context.say("http: as many orders as it bears");
  const most = await load({ rate: 0, seconds: plan.httpSeconds, from });
  from += most.accepted + connections;
  figures.push(figure(
    "http.max",
    `${connections} connections`,
    "orders/s",
    "higher",
    spreadOf([most.accepted / most.seconds]),
    targets.ordersPerSecond,
  ));
  figures.push(
    ...percentilesOf(
      "http.max",
      `${connections} connections`,
      "durable",
      histogramOf(most.latencies_us),
    ),
  );
  notes.push(...refusals(most.refused));

  for (const rate of plan.httpRates) {
    context.say(`http: ${rate} orders a second`);
    const seen = new Map<number, number>();
    const following = await probe.follow(
      pipeline.config.ORDERS_TOPIC,
      (key, at) => seen.set(numberOfKey(key), at),
    );
    const found = await load({ rate, seconds: plan.httpSeconds + warmSeconds, from });
    const warm = rate * warmSeconds;
    const first = from;
    from += Math.ceil(rate * (plan.httpSeconds + warmSeconds));
    const limit = AbortSignal.timeout(publishedMsMax);
    const publishedHere = () => [...seen.keys()].filter((number) => number >= first).length;
    while (publishedHere() < found.accepted && !limit.aborted) await delay(50, signal);
    await following.stop();
    const durable = histogramOf(found.latencies_us.slice(warm));
    const published = histogramOf(
      [...seen].flatMap(([number, at]) =>
        number < first + warm
          ? []
          : [at - (found.started_ms * 1_000 + (number - first) * 1_000_000 / rate)]
      ),
    );
    const target = rate === 500 ? targets.orderP99Ms : undefined;
    figures.push(
      ...percentilesOf(`http.${rate}`, `${rate}/s, durable`, "durable", durable, target),
    );
    figures.push(...percentilesOf(`http.${rate}`, `${rate}/s, published`, "published", published));
    curves.push(percentileCurve(`durable, ${rate}/s`, durable));
    curves.push(percentileCurve(`published, ${rate}/s`, published));
    notes.push(...refusals(found.refused));
    notes.push(
      `${rate}/s: ${publishedHere()} of ${found.accepted} accepted orders were seen on Kafka.`,
    );
  }
  return {
    title: "POST /orders",
    about:
      "Orders over HTTP with the relay beside it, on a database of its own. Durable: from the moment an order was due to " +
      "its 202. Published: to the moment at which Kafka's Java client saw it on the topic, under read_committed. The " +
      "rates are open loops; the highest rate is a closed one.",
    figures,
    plots: curves.length > 0 ? [percentilePlot("From order to answer, and to Kafka", curves)] : [],
    notes,
  };
}

async function placeOrders(
  job: z.output<typeof httpJobSchema>,
): Promise<z.output<typeof httpResultSchema>> {
  let result: z.output<typeof httpResultSchema> | undefined;
  const child = new MeasuredProcess(ownProcess("http_load_child.ts"), job, undefined, (line) => {
    if (line.startsWith("{")) result = httpResultSchema.parse(JSON.parse(line));
  });
  await child.ended;
  if (!result) throw new Error(`the HTTP load ended early: ${child.complaint}`);
  if (result.accepted === 0) {
    throw new Error(`no order was accepted: ${JSON.stringify(result.refused)}`);
  }
  return result;
}

async function untilReady(url: string, signal: AbortSignal): Promise<void> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(readyMsMax)]);
  while (true) {
    const answer = await fetch(url, { signal: limit }).catch(() => undefined);
    await answer?.text();
    if (answer?.ok) return;
    await delay(50, limit);
  }
}

function histogramOf(micros: readonly number[]): Histogram {
  const histogram = build({ lowestDiscernibleValue: 1, highestTrackableValue: 600_000_000 });
  for (const value of micros) histogram.recordValue(Math.max(1, Math.round(value)));
  return histogram;
}

function percentilesOf(
  id: string,
  label: string,
  what: string,
  histogram: Histogram,
  targetP99?: number,
): Figure[] {
  const one = (name: string, unit: string, micros: number, target?: number) =>
    figure(`${id}.${what}.${name}`, label, unit, "lower", spreadOf([micros / 1_000]), target);
  return [
    one("p50", "p50 ms", histogram.getValueAtPercentile(50)),
    one("p95", "p95 ms", histogram.getValueAtPercentile(95)),
    one("p99", "p99 ms", histogram.getValueAtPercentile(99), targetP99),
    one("p99.9", "p99.9 ms", histogram.getValueAtPercentile(99.9)),
    one("max", "max ms", histogram.maxValue),
  ];
}

function refusals(refused: Readonly<Record<string, number>>): string[] {
  return Object.entries(refused).map(([status, count]) =>
    `${count} orders were answered with ${status === "0" ? "nothing" : status}`
  );
}
