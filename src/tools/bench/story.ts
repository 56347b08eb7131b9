/** What a run says to a reader who knows none of its figures: exactly-once against the other guarantees. Pure. */
import { type Guarantee, guarantees } from "../../config.ts";
import { barOf, type Chart } from "./charts.ts";
import { figuresById, formatNumber } from "./read_figures.ts";
import type { BenchReport, Figure } from "./report.ts";
import { pairRatios, type Spread } from "./statistics.ts";

/** More than this many processes waited for each processor: then speeds say little. */
const busyLoad = 1.5;

/**
 * What a run is worth whose machine was busy with other work, in a sentence; undefined where it was not, or is not known. By the
 * load when it began: what the benchmark itself does comes later.
 */
export function busyWarning({ environment }: BenchReport): string | undefined {
  const load = Number(environment["load average at the start"]?.split(" ")[0]);
  const cores = Number(/(\d+) cores/.exec(environment["processor"] ?? "")?.[1]);
  if (!(load / cores > busyLoad)) return undefined;
  return `The machine was busy before this began (load ${load} on ${cores} processors): no speed here means much, and no ` +
    `target was set for that. What was counted (billed twice, lost, doubled) holds all the same.`;
}

/** The first screen of the report. */
export interface Story {
  /** What happened, a sentence each; none of parts that were not run. */
  readonly sentences: readonly string[];
  /** The guarantees side by side; none of parts that were not run. */
  readonly charts: readonly Chart[];
}

/** Orders a second at which the story tells of latency; where it was not measured, the highest rate that was. */
const storyRate = 1_000;
/** A ratio that moves by more than this from round to round is told with its range. */
const unsteady = 0.1;

/** See the file's first line. */
export function storyOf(report: BenchReport): Story {
  const figures = figuresById(report);
  const rate = latencyRateOf(report);
  return {
    sentences: [
      ...customerSentences(figures),
      ...costSentences(figures, rate),
    ],
    charts: [
      customers("twice", "Customers billed twice", figures),
      customers("never", "Customers never billed", figures),
      {
        title: "Events worked off in a second",
        hint: "from a full topic; more is better",
        bars: guarantees.flatMap((guarantee) =>
          barOf(figures.get(`drain.${guarantee}.rate`), { name: guarantee, kind: guarantee })
        ),
      },
      {
        title: "Milliseconds from order to invoice",
        hint: `at ${formatNumber(rate ?? storyRate)} a second; less is better`,
        bars: guarantees.flatMap((guarantee) =>
          ([["p50", "median"], ["p99", "slowest 1\u00a0%"]] as const).flatMap((
            [percentile, words],
          ) =>
            barOf(figures.get(`latency.${rate}.${guarantee}.${percentile}`), {
              name: `${guarantee}, ${words}`,
              kind: guarantee,
            })
          )
        ),
      },
    ].filter(({ bars }) => bars.length > 0),
  };
}

type Figures = ReadonlyMap<string, Figure>;

function customerSentences(figures: Figures): string[] {
  const found = guarantees.flatMap((guarantee) => {
    const of = (name: string) => figures.get(`kills.${guarantee}.${name}`)?.spread.median;
    const twice = of("twice");
    return twice === undefined
      ? []
      : [{ guarantee, twice, never: of("never"), orders: of("orders"), kills: of("kills") }];
  });
  return found.map(({ guarantee, twice, never, orders, kills }) => {
    const of = orders === undefined ? "" : ` of ${formatNumber(orders)} customers`;
    const name = capital(guarantee);
    const killed = kills === undefined ? undefined : `its worker was ${killedTimes(kills)}`;
    const wrong = [
      ...(twice > 0 ? [`billed ${formatNumber(twice)}${of} twice`] : []),
      ...(never ? [`never billed ${formatNumber(never)}${twice > 0 ? "" : of}`] : []),
    ];
    if (wrong.length > 0) return `${name} ${wrong.join(" and ")}${killed ? `: ${killed}` : ""}.`;
    const right = never === undefined ? `none${of} twice` : `each${of} once`;
    const though = killed ? `, ${kills === 0 ? "but" : "though"} ${killed}` : "";
    return `${name} billed ${right}${though}.`;
  });
}

function costSentences(figures: Figures, rate: number | undefined): string[] {
  const warm = warmRatio(figures);
  const ratio = warm ?? figures.get("drain.exactly-once.ratio")?.spread;
  const median = (guarantee: Guarantee) =>
    figures.get(`latency.${rate}.${guarantee}.p50`)?.spread.median;
  const [once, again] = [median("exactly-once"), median("at-least-once")];
  const percent = (share: number) => Math.round(share * 100);
  const range = ratio && ratio.high - ratio.low > unsteady
    ? ` (${percent(ratio.low)} to ${percent(ratio.high)} % from round to round)`
    : "";
  return [
    ...(ratio === undefined ? [] : [
      `Exactly-once works off ${
        percent(ratio.median)
      } % of the events that at-least-once does in the same time${
        warm ? ", once both are warm" : ""
      }${range}.`,
    ]),
    ...(once === undefined || again === undefined ? [] : [
      `From order to invoice it takes ${formatNumber(once)} ms (median); at-least-once takes ${
        formatNumber(again)
      } ms.`,
    ]),
  ];
}

/** Without the start of a process, which is most of a short drain. */
function warmRatio(figures: Figures): Spread | undefined {
  const rates = (guarantee: Guarantee) =>
    figures.get(`drain.${guarantee}.rate_warm`)?.spread.values ?? [];
  const [values, against] = [rates("exactly-once"), rates("at-least-once")];
  return values.length > 0 && values.length === against.length
    ? pairRatios(values, against)
    : undefined;
}

function customers(
  name: "twice" | "never",
  title: string,
  figures: Figures,
): Chart {
  const kills = guarantees.flatMap((guarantee) =>
    figures.get(`kills.${guarantee}.kills`)?.spread.median ?? []
  );
  const [least, most] = [Math.min(...kills), Math.max(...kills)];
  const howOften = least < most
    ? `killed ${formatNumber(least)} to ${formatNumber(most)} times`
    : killedTimes(most);
  return {
    title,
    hint: kills.length === 0 ? "while workers are killed" : `each worker was ${howOften}`,
    bars: guarantees.flatMap((guarantee) =>
      barOf(figures.get(`kills.${guarantee}.${name}`), { name: guarantee, kind: guarantee })
    ),
  };
}

function latencyRateOf({ sections }: BenchReport): number | undefined {
  const figures = sections.find(({ name }) => name === "latency")?.figures ?? [];
  const rates = new Set(figures.map(({ id }) => Number(id.split(".")[1])));
  return rates.has(storyRate) ? storyRate : [...rates].sort((a, b) => b - a)[0];
}

function killedTimes(count: number): string {
  const times = count === 1 ? "once" : `${formatNumber(count)} times`;
  return count === 0 ? "never killed" : `killed ${times}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
