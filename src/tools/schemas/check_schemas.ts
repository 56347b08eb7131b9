/** Holds the schemas of this program against those that were released. Pure. */
import type { EventSchemas, Releases } from "./event_schemas.ts";
import { whyUnreadable } from "./fits.ts";

/** A change that breaks somebody. */
export interface SchemaFinding {
  readonly event: string;
  /**
   * `readers`: programs of that release cannot read what this one writes. `writers`: this program cannot read what that
   * release has written, which stands on the topic.
   */
  readonly breaks: "readers" | "writers";
  /** The `schema_version` of the release. */
  readonly version: number;
  readonly reason: string;
}

/** What the comparison tells. */
export interface SchemaReport {
  readonly findings: readonly SchemaFinding[];
  /** Events whose schemas are not those of their last release: `schema release` notes them. */
  readonly changed: readonly string[];
}

/** Compares with every release: records of all of them may stand on a topic, and programs of any may run beside this one. */
export function checkSchemas(
  current: Readonly<Record<string, EventSchemas>>,
  releases: Releases,
): SchemaReport {
  const findings: SchemaFinding[] = [];
  const changed: string[] = [];
  for (const [event, now] of Object.entries(current)) {
    const released = releases[event] ?? [];
    if (!isSame(now, released.at(-1))) changed.push(event);
    for (const then of released) {
      const { version } = then;
      const told = (breaks: SchemaFinding["breaks"]) => (reason: string) =>
        findings.push({ event, breaks, version, reason });
      whyUnreadable(now.reads, [then.writes, then.reads]).forEach(told("writers"));
      whyUnreadable(then.reads, [now.writes, now.reads]).forEach(told("readers"));
    }
  }
  for (const [event, released] of Object.entries(releases)) {
    const last = released.at(-1);
    if (current[event] || !last) continue;
    const reason = "there is no such event any more, and its records stand on the topic";
    findings.push({ event, breaks: "writers", version: last.version, reason });
  }
  return { findings, changed };
}

/** The releases with those of this program behind them, where they differ. */
export function released(
  current: Readonly<Record<string, EventSchemas>>,
  releases: Releases,
): Releases {
  const added = Object.entries(current).map(([event, now]) => {
    const before = releases[event] ?? [];
    return [event, isSame(now, before.at(-1)) ? before : [...before, now]] as const;
  });
  return { ...releases, ...Object.fromEntries(added) };
}

function isSame(one: EventSchemas, other: EventSchemas | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
