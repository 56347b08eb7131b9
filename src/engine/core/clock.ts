/** The time that lanes wait by. Tests give them hours in a millisecond; what is measured in the log or metrics is not its. */
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
