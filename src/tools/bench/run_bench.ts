/** Runs the parts of the benchmark in turn and gathers the report. Prints nothing and writes no file. */
import type { Config } from "../../config.ts";
import type { Services } from "../../app/compose/services.ts";
import { type BenchContext, openContext } from "./context.ts";
import { drainSection, lookupSection, shapesSection } from "./drain_sections.ts";
import { httpSection } from "./http_section.ts";
import { killsSection } from "./kills_section.ts";
import { projectorSection, relaySection } from "./role_sections.ts";
import { retentionSection } from "./retention_section.ts";
import { peersSection } from "./peers_section.ts";
import { stateSection } from "./state_section.ts";
import { tracingSection } from "./tracing_section.ts";
import { soakSection } from "./soak_section.ts";
import { latencySection } from "./latency_section.ts";
import { type DonePart, inMinutes, secondsLeft } from "./estimate.ts";
import { environmentOf, loadAverage } from "./environment.ts";
import { plainReason } from "./plain_reason.ts";
import { namedOnly, plans, type SectionName, sectionNames, type Size } from "./plan.ts";
import type { BenchReport, Section, SectionResult } from "./report.ts";

/** What to run. */
export interface BenchOptions {
  readonly size: Size;
  /** All of them but those of `namedOnly` where absent. */
  readonly only?: readonly (SectionName | "peers")[];
  /** The peers too: only they where `only` says so. */
  readonly peers: boolean;
  /** Other numbers than the size's own. */
  readonly records?: number;
  readonly rounds?: number;
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
  /** A part ends: how many of all are done. */
  readonly onPart?: (done: number, of: number) => void;
}

type Run = (context: BenchContext) => Promise<SectionResult>;

const runners: Readonly<Record<SectionName | "peers", Run>> = {
  drain: drainSection,
  lookup: lookupSection,
  state: stateSection,
  shapes: shapesSection,
  latency: latencySection,
  kills: killsSection,
  http: httpSection,
  relay: relaySection,
  retention: retentionSection,
  projector: projectorSection,
  soak: soakSection,
  tracing: tracingSection,
  peers: peersSection,
};

/**
 * Runs the benchmark on these services.
 *
 * @throws the signal's reason when it is interrupted; a part that fails is a note in the report
 */
export async function runBench(
  config: Config,
  services: Services,
  options: BenchOptions,
): Promise<BenchReport> {
  const startedAt = new Date();
  const started = performance.now();
  const loadAtStart = await loadAverage();
  const chosen = [...sectionNames, ...(options.peers ? ["peers" as const] : [])]
    .filter((name) =>
      options.only ? options.only.includes(name) : !namedOnly.some((n) => n === name)
    );
  await using context = await openContext(config, services, {
    plan: planOf(options),
    signal: options.signal,
    say: options.onProgress,
  });
  const sections: Section[] = [];
  const done: DonePart[] = [];
  for (const [index, name] of chosen.entries()) {
    options.onPart?.(index, chosen.length);
    tellTime(options, chosen, done);
    const from = performance.now();
    const result = await attempt(name, context);
    const seconds = (performance.now() - from) / 1_000;
    done.push({ name, seconds });
    sections.push({ name, command: commandOf(options, name), seconds, ...result });
  }
  options.onPart?.(chosen.length, chosen.length);
  return {
    format: "onceflow-bench-1",
    started_at: startedAt.toISOString(),
    seconds: (performance.now() - started) / 1_000,
    size: options.size,
    command: commandOf(options),
    environment: await environmentOf(config, services, loadAtStart),
    sections,
  };
}

/** At the start, and after each part. Only the plan of the quick size was timed. */
function tellTime(
  { size, records, rounds, onProgress }: BenchOptions,
  chosen: readonly DonePart["name"][],
  done: readonly DonePart[],
): void {
  if (size !== "quick" || records !== undefined || rounds !== undefined) return;
  const seconds = secondsLeft(chosen, done);
  if (seconds === undefined) return;
  onProgress(
    done.length === 0
      ? `${inMinutes(seconds)} on two cores that have other work, some two at rest`
      : `${inMinutes(seconds)} left, as fast as this machine has been so far`,
  );
}

async function attempt(name: SectionName | "peers", context: BenchContext): Promise<SectionResult> {
  try {
    return await runners[name](context);
  } catch (error) {
    context.signal.throwIfAborted();
    const reason = plainReason(error);
    context.say(`${name} failed: ${reason}`);
    return { title: name, about: "", figures: [], plots: [], notes: [`It failed: ${reason}`] };
  }
}

function planOf({ size, records, rounds }: BenchOptions) {
  return {
    ...plans[size],
    ...(records !== undefined && {
      drainRecords: records,
      lookupRecords: records,
      shapeRecords: records,
      peerRecords: records,
    }),
    ...(rounds !== undefined && { rounds, shapeRounds: rounds, peerRounds: rounds }),
  };
}

/** The command line that makes these figures again. */
function commandOf(options: BenchOptions, part?: SectionName | "peers"): string {
  const only = part ? [part] : options.only;
  return [
    "deno task bench",
    ...(options.size === "default" ? [] : [`--${options.size}`]),
    ...(only ? [`--only ${only.join(",")}`] : []),
    ...(part === "peers" || (!part && options.peers) ? ["--peers"] : []),
    ...(options.records === undefined ? [] : [`--records ${options.records}`]),
    ...(options.rounds === undefined ? [] : [`--rounds ${options.rounds}`]),
  ].join(" ");
}
