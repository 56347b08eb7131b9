/** What a run of the benchmark found, as plain data: the JSON file holds exactly this. */
import { z } from "zod";
import type { Spread } from "./statistics.ts";

const spreadSchema = z.object({
  median: z.number(),
  low: z.number(),
  high: z.number(),
  values: z.array(z.number()).readonly(),
}).readonly();

const figureSchema = z.object({
  /** Stays the same from run to run: runs are compared by it. */
  id: z.string(),
  label: z.string(),
  unit: z.string(),
  better: z.enum(["higher", "lower"]),
  spread: spreadSchema,
  /** The bound that the project has set itself. */
  target: z.number().optional(),
  met: z.boolean().optional(),
}).readonly();

const curveSchema = z.object({
  label: z.string(),
  x: z.array(z.number()).readonly(),
  y: z.array(z.number()).readonly(),
}).readonly();

const plotSchema = z.object({
  title: z.string(),
  xLabel: z.string(),
  yLabel: z.string(),
  xScale: z.enum(["linear", "log"]),
  yScale: z.enum(["linear", "log"]),
  curves: z.array(curveSchema).readonly(),
}).readonly();

const sectionSchema = z.object({
  name: z.string(),
  title: z.string(),
  /** What was measured, how, in a sentence or two. */
  about: z.string(),
  /** The command that makes these figures again. */
  command: z.string(),
  figures: z.array(figureSchema).readonly(),
  plots: z.array(plotSchema).readonly(),
  notes: z.array(z.string()).readonly(),
  seconds: z.number(),
}).readonly();

/** The whole document. */
export const reportSchema = z.object({
  format: z.literal("onceflow-bench-1"),
  started_at: z.string(),
  seconds: z.number(),
  size: z.enum(["quick", "default", "full"]),
  command: z.string(),
  environment: z.record(z.string(), z.string()),
  sections: z.array(sectionSchema).readonly(),
}).readonly();

/** One number with its spread. */
export type Figure = z.output<typeof figureSchema>;
/** One line of a plot. */
export type Curve = z.output<typeof curveSchema>;
/** Lines over common axes. */
export type Plot = z.output<typeof plotSchema>;
/** One part of the benchmark. */
export type Section = z.output<typeof sectionSchema>;
/** What a section function answers; name, command and time are added by its caller. */
export type SectionResult = Pick<Section, "title" | "about" | "figures" | "plots" | "notes">;
/** The whole document. */
export type BenchReport = z.output<typeof reportSchema>;

/** A figure; with a target it says whether the median meets it. */
export function figure(
  id: string,
  label: string,
  unit: string,
  better: Figure["better"],
  spread: Spread,
  target?: number,
): Figure {
  if (target === undefined) return { id, label, unit, better, spread };
  const met = better === "higher" ? spread.median >= target : spread.median <= target;
  return { id, label, unit, better, spread, target, met };
}
