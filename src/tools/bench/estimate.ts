/** Says how long a quick run takes yet: what its parts took once, times how much slower this machine has been so far. Pure. */
import type { SectionName } from "./plan.ts";

/** Of `deno task bench --quick` on two cores at a load of 3 to 7, seconds. */
const measuredSeconds: Readonly<Record<SectionName | "peers", number | undefined>> = {
  drain: 30,
  lookup: 9,
  state: 36,
  shapes: 15,
  latency: 35,
  kills: 54,
  http: 15,
  relay: 6,
  retention: 16,
  projector: 5,
  soak: 8,
  tracing: 19,
  // Others' programs are fetched and built: nobody knows how long that takes.
  peers: undefined,
};

/** A part that was done, and what it took. */
export interface DonePart {
  readonly name: SectionName | "peers";
  readonly seconds: number;
}

/** Seconds that are left; undefined where a part is among them whose time is not known. */
export function secondsLeft(
  chosen: readonly DonePart["name"][],
  done: readonly DonePart[],
): number | undefined {
  const known = done.filter(({ name }) => measuredSeconds[name] !== undefined);
  const expected = sum(known.map(({ name }) => measuredSeconds[name] ?? 0));
  const pace = expected === 0 ? 1 : sum(known.map(({ seconds }) => seconds)) / expected;
  const left = chosen.slice(done.length).map((name) => measuredSeconds[name]);
  if (left.includes(undefined)) return undefined;
  return sum(left.map((seconds) => seconds ?? 0)) * pace;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, one) => total + one, 0);
}

/** `about 4 minutes`. */
export function inMinutes(seconds: number): string {
  if (seconds < 45) return "less than a minute";
  const minutes = Math.round(seconds / 60);
  return minutes <= 1 ? "about a minute" : `about ${minutes} minutes`;
}
