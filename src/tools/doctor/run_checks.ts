/** Runs checks beside each other, each within its time: one that gets no answer, or fails, is a line like the others. */
import { withinTime } from "../../engine/core/delay.ts";
import { type Finding, not } from "./finding.ts";

/** One question, and who answers it. */
export interface Check {
  readonly subject: string;
  look(): Promise<readonly Finding[]>;
}

/** How long to wait, and how an error is worded. */
export interface CheckLimits {
  /** For each check, milliseconds. */
  readonly timeoutMs: number;
  /** Why nothing can be said, and what to do about it, from the error that a check ended with. */
  readonly explain: (subject: string, error: unknown) => Finding;
}

/** In the order of the checks. Never rejects; what a late check stands for goes on until its connections are ended. */
export async function runChecks(
  checks: readonly Check[],
  { timeoutMs, explain }: CheckLimits,
): Promise<readonly Finding[]> {
  const found = await Promise.all(checks.map(async ({ subject, look }) => {
    try {
      return await withinTime(look(), timeoutMs, () => [late(subject, timeoutMs)]);
    } catch (error) {
      return [explain(subject, error)];
    }
  }));
  return found.flat();
}

/** Nobody answered. */
function late(subject: string, timeoutMs: number): Finding {
  return not(
    "not_checked",
    subject,
    `there was no answer within ${timeoutMs / 1_000} s`,
    "look whether the service is overloaded or frozen, or give it more time: --timeout",
  );
}

/** What is said of checks that were not begun. */
export function skipped(checks: readonly Pick<Check, "subject">[], why: string): Finding[] {
  return checks.map(({ subject }) => not("not_checked", subject, why));
}
