/** The conservation checker: takes one consistent cut through the running pipeline and holds every rule against it. */
import type { ConservationOptions } from "./conservation_options.ts";
import type { Sql } from "../../engine/postgres/sql.ts";
import { takeCut } from "./cut.ts";
import { type Figures, foreignDeadLetters, readFigures } from "./figures.ts";
import { keptSince } from "./kept_since.ts";
import { type Finding, judge } from "./judge.ts";
import type { LogReader } from "./log_reader.ts";
import type { PipelineNames } from "./pipeline_names.ts";
import { openSpill } from "./spill.ts";

export type { Finding, PipelineNames };

/** The outcome of a verification. */
export interface ConservationReport {
  readonly good: boolean;
  readonly drained: boolean;
  readonly figures: Figures;
  readonly findings: readonly Finding[];
  /** Records of other producers that are dead letters, each with its place and the reason: 1,000 at the most, */
  readonly foreign_dead_letters?: readonly string[];
  /** and how many there are beside them. */
  readonly foreign_dead_letters_left_off?: number;
  /** What could not be decided, and why. */
  readonly notes: readonly string[];
  readonly elapsedMs: number;
}

/**
 * Checks that every order is published once, invoiced once or dead-lettered once, in order, unaltered, and projected.
 * Reads only. Runs beside a running pipeline: see {@linkcode takeCut} for why that is sound.
 *
 * @throws {UnreachableError} when Kafka, Postgres or Java cannot be reached
 */
export async function checkConservation(
  sql: Sql,
  reader: LogReader,
  options: ConservationOptions,
): Promise<ConservationReport> {
  const started = performance.now();
  using spill = openSpill(options.spillDir);
  const cut = await takeCut(sql, reader, spill, options);
  options.onProgress?.("comparing");
  const { projectionInstalled } = cut;
  const kept = await keptSince(options);
  const findings = judge(spill, {
    ...options,
    projectionInstalled,
    deadLettersFromMs: kept.fromMs,
  });
  const foreign = foreignDeadLetters(spill, options.names);
  return {
    good: findings.length === 0,
    drained: options.drained,
    figures: readFigures(spill, findings),
    findings,
    foreign_dead_letters: foreign.listed,
    foreign_dead_letters_left_off: foreign.leftOff,
    notes: [...cut.notes, ...kept.notes],
    elapsedMs: Math.round(performance.now() - started),
  };
}
