/** Which figures of a part are drawn as bars, and under which title. Pure. */
import { type Guarantee, guarantees } from "../../config.ts";
import type { Figure, Section } from "./report.ts";

/** Bars over one scale that begins at 0. */
export interface Chart {
  readonly title: string;
  /** How to read it: unit, and which direction is good. */
  readonly hint: string;
  readonly bars: readonly Bar[];
}

/** One bar, with the range over the rounds where there was more than one. */
export interface Bar {
  readonly name: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** Gives it its colour: the same for a guarantee wherever it stands. */
  readonly kind: Guarantee | "other";
}

/** What leads a part: the unit whose figures are drawn. The rest stands in its table. */
const leading: Readonly<Record<string, { readonly unit: string; readonly title: string }>> = {
  drain: { unit: "µs CPU/record", title: "Processor time of one event" },
  lookup: { unit: "records/s", title: "Invoices in a second" },
  state: { unit: "records/s", title: "Events worked off in a second" },
  shapes: { unit: "records/s", title: "Events worked off in a second" },
  latency: { unit: "p99 ms", title: "Time that 99 % of the events kept below" },
  kills: { unit: "catch-up ms", title: "From a kill until orders are in time again" },
  http: { unit: "p99 ms", title: "Time that 99 % of the orders kept below" },
  tracing: { unit: "records/s", title: "Events worked off in a second" },
  peers: { unit: "records/s", title: "Events worked off in a second" },
};

/** The bars of a part; undefined where it has fewer than two to compare. */
export function chartOf({ name, figures }: Section): Chart | undefined {
  const lead = leading[name];
  if (!lead) return undefined;
  const own = figures.filter(({ unit }) => unit === lead.unit);
  if (own.length < 2) return undefined;
  const better = own[0]?.better === "higher" ? "more" : "less";
  return {
    title: lead.title,
    hint: `${unitWords.get(lead.unit) ?? lead.unit}; ${better} is better`,
    bars: own.flatMap((one) => barOf(one, { name: one.label, kind: kindOf(one.label) })),
  };
}

const unitWords = new Map([
  ["µs CPU/record", "microseconds, of the worker"],
  ["records/s", "from a full topic"],
  ["p99 ms", "milliseconds"],
  ["catch-up ms", "milliseconds"],
]);

/** None where there is no such figure. */
export function barOf(
  figure: Figure | undefined,
  { name, kind }: Pick<Bar, "name" | "kind">,
): Bar[] {
  if (!figure) return [];
  const { spread: { median, low, high } } = figure;
  return [{ name, kind, value: median, low, high }];
}

function kindOf(label: string): Bar["kind"] {
  return guarantees.find((guarantee) => label.includes(guarantee)) ?? "other";
}
