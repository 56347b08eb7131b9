/** Reads what the last torture and the last benchmark on this machine have found. It runs neither, and writes nothing. */
import { join } from "node:path";
import { z } from "zod";
import type { BenchRun, LastRuns, Run, TortureRun } from "./past_data.ts";

const reportBytesMax = 16 * 1024 * 1024;

const tortureShape = z.object({
  seed: z.string(),
  kafka: z.string(),
  guarantee: z.string(),
  minutes: z.number(),
  good: z.boolean(),
  faults: z.object({ landed: z.number() }),
  load: z.object({ acknowledged: z.number() }),
  recovery: z.object({ median_ms: z.number().nullish(), max_ms: z.number().nullish() }),
  findings: z.array(z.object({ kind: z.string(), detail: z.string() })),
});

const benchShape = z.object({
  size: z.string(),
  command: z.string(),
  sections: z.array(z.object({
    title: z.string(),
    figures: z.array(z.object({
      label: z.string(),
      unit: z.string(),
      spread: z.object({ median: z.number() }),
      target: z.number().optional(),
      met: z.boolean().optional(),
    })),
  })),
});

/** The reports below `directory` (`STACK_DIR`), where both commands write them. Never rejects. */
export async function readLastRuns(directory: string): Promise<LastRuns> {
  const [torture, bench] = await Promise.all([
    lastRun(join(directory, "torture"), "torture-", (text) => tortureOf(tortureShape.parse(text))),
    lastRun(join(directory, "bench"), "bench-", (text) => benchOf(benchShape.parse(text))),
  ]);
  return { torture, bench };
}

async function lastRun<T>(
  directory: string,
  prefix: string,
  parse: (document: unknown) => T,
): Promise<Run<T>> {
  try {
    const names: string[] = [];
    for await (const { name, isFile } of Deno.readDir(directory)) {
      if (isFile && name.startsWith(prefix) && name.endsWith(".json")) names.push(name);
    }
    // A name has the moment of its run, so the last of them is the latest.
    const name = names.sort().at(-1);
    if (name === undefined) return { found: false, reason: "None has run on this machine" };
    const file = join(directory, name);
    const { size } = await Deno.stat(file);
    if (size > reportBytesMax) {
      return { found: false, reason: `${name} is too large to be a report` };
    }
    const value = parse(JSON.parse(await Deno.readTextFile(file)));
    return { found: true, at: momentOf(name.slice(prefix.length)), file: name, value };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      return { found: false, reason: "None has run on this machine" };
    }
    if (error instanceof Deno.errors.NotCapable || error instanceof Deno.errors.PermissionDenied) {
      return { found: false, reason: "This process may not read the reports" };
    }
    return { found: false, reason: "The latest report cannot be read: it is not of this version" };
  }
}

/** Of `2026-01-02T03-04-05-678Z.json`, as ISO 8601. */
function momentOf(rest: string): string {
  return rest.replace(".json", "").replace(/T(\d\d)-(\d\d)-(\d\d)-(\d+)Z/, "T$1:$2:$3.$4Z");
}

function tortureOf(report: z.output<typeof tortureShape>): TortureRun {
  const { seed, kafka, guarantee, minutes, good, faults, load, recovery, findings } = report;
  return {
    ...{ seed, kafka, guarantee, minutes, good },
    faults_landed: faults.landed,
    orders_acknowledged: load.acknowledged,
    recovery_median_ms: recovery.median_ms ?? null,
    recovery_max_ms: recovery.max_ms ?? null,
    findings: findings.slice(0, 5).map(({ kind, detail }) => `${kind}: ${detail}`.slice(0, 300)),
    findings_count: findings.length,
  };
}

/** Figures that have a bound first: they are what the project promises. */
function benchOf({ size, command, sections }: z.output<typeof benchShape>): BenchRun {
  const figures = sections.flatMap(({ title, figures }) =>
    figures.map(({ label, unit, spread, target, met }) => ({
      ...{ section: title, label, unit, median: spread.median },
      ...target !== undefined && { target, met: met ?? false },
    }))
  );
  const bound = figures.filter(({ target }) => target !== undefined);
  return { size, command, figures: (bound.length > 0 ? bound : figures).slice(0, 20) };
}
