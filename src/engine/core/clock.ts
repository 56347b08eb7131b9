/** The clock that lanes wait by. Tests let hours of it pass in a millisecond; logs and metrics do not use it. */
import { delay } from "./delay.ts";

/** How pauses pass. */
export interface Clock {
  /** Resolves after `ms` milliseconds; rejects with the signal's reason as soon as that fires. */
  delay(ms: number, signal?: AbortSignal): Promise<void>;
  /** From 0 to 1: pauses are shortened by it, so that many waiters do not come back at once. */
  random(): number;
}

/** The process's own. */
export const systemClock: Clock = { delay, random: Math.random };
