/** Readiness of a process that has not opened its services yet: nothing was reported, and still it is not ready. */
import type { Health, Readiness } from "../core/health.ts";

/** The conditions with one more, `start`, until {@linkcode Starting.started} is called. It logs nothing. */
export interface Starting {
  readonly health: Health;
  started(): void;
}

/** Wraps the conditions of a process that is about to start. */
export function notStarted(health: Health, now: () => Date = () => new Date()): Starting {
  const since = now().toISOString();
  let starting = true;
  const ready = (): Readiness => {
    const readiness = health.ready();
    if (!starting) return readiness;
    const start = { name: "start", ok: false, since, detail: "the services are being opened" };
    return { ready: false, checks: [start, ...readiness.checks] };
  };
  return { health: { ...health, ready }, started: () => void (starting = false) };
}
