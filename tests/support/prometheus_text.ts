/**
 * Reads Prometheus' text format as strictly as its own parser does, and objects to what `promtool check metrics` objects to
 * (https://github.com/prometheus/client_golang/tree/main/prometheus/testutil/promlint).
 */

interface Family {
  help?: string;
  type?: string;
  readonly samples: { readonly name: string; readonly labels: ReadonlyMap<string, string> }[];
}

/** What was read. */
export interface Exposition {
  /** By name of the family. */
  readonly families: ReadonlyMap<string, Family>;
  /** One sentence each; none where all is well. */
  readonly objections: readonly string[];
}

const name = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const number = "[+-]?(?:\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?|Inf|NaN)";
const sampleLine = new RegExp(`^(${name})(?:\\{(.*)\\})? (${number})(?: (\\d+))?$`, "i");
const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/y;
/** Units that have a base unit to use in their place. */
const derivedUnits =
  /(?:^|_)(milliseconds|microseconds|nanoseconds|minutes|hours|days|ms|secs?|kilobytes|megabytes|kb|mb|percent)(?:_|$)/;

export function readExposition(text: string): Exposition {
  const families = new Map<string, Family>();
  const objections: string[] = [];
  const family = (of: string) => {
    const known = families.get(of) ?? { samples: [] };
    families.set(of, known);
    return known;
  };
  if (!text.endsWith("\n")) objections.push("the last line has no line break");
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [, kind, of = "", rest = ""] = /^# (HELP|TYPE) (\S+) ?(.*)$/.exec(line) ?? [];
    if (kind) {
      const found = family(of);
      const field = kind === "HELP" ? "help" : "type";
      if (found[field] !== undefined) objections.push(`${of}: a second ${kind}`);
      if (found.samples.length > 0) objections.push(`${of}: ${kind} behind its samples`);
      found[field] = rest;
      continue;
    }
    if (line.startsWith("#")) continue;
    const [, sample = "", inner = ""] = sampleLine.exec(line) ?? [];
    if (!sample) {
      objections.push(`no sample: ${line}`);
      continue;
    }
    const labels = readLabels(inner);
    if (labels) family(familyOf(sample, families)).samples.push({ name: sample, labels });
    else objections.push(`no labels: ${line}`);
  }
  for (const [of, found] of families) objections.push(...objectionsTo(of, found));
  return { families, objections };
}

function readLabels(text: string): Map<string, string> | undefined {
  const found = new Map<string, string>();
  label.lastIndex = 0;
  while (label.lastIndex < text.length) {
    const [, key = "", value = ""] = label.exec(text) ?? [];
    if (!key || found.has(key)) return undefined;
    found.set(key, value);
  }
  return found;
}

/** `x_bucket`, `x_sum` and `x_count` are of the histogram `x`. */
function familyOf(sample: string, families: ReadonlyMap<string, Family>): string {
  const stem = sample.replace(/_(?:bucket|sum|count)$/, "");
  return families.get(stem)?.type === "histogram" ? stem : sample;
}

function objectionsTo(of: string, { help, type, samples }: Family): string[] {
  const found: string[] = [];
  const say = (what: string) => found.push(`${of}: ${what}`);
  if (!help) say("no help");
  if (!type) say("no type");
  if (type === "counter" && !of.endsWith("_total")) say('a counter ends with "_total"');
  if (type !== "counter" && of.endsWith("_total")) say('only a counter ends with "_total"');
  if (type !== "histogram" && /_(?:bucket|sum|count)$/.test(of)) say("a histogram's suffix");
  if (type && of.includes(`_${type}`)) say("its type is in its name");
  if (of.includes(":")) say("a colon is for recording rules");
  if (/[a-z][A-Z]/.test(of)) say("snake_case is the custom");
  if (derivedUnits.test(of)) say("use the base unit");
  const series = new Set<string>();
  for (const { name, labels } of samples) {
    if (labels.has("le") !== (type === "histogram" && name.endsWith("_bucket"))) say("label le");
    if (labels.has("quantile")) say("label quantile");
    for (const key of labels.keys()) if (/[a-z][A-Z]/.test(key)) say(`label ${key}`);
    const key = `${name}${JSON.stringify([...labels].sort())}`;
    if (series.has(key)) say(`twice: ${key}`);
    series.add(key);
  }
  return found;
}
