/** What exit codes mean, and the error that stands for a finding. */

/** 0 good, 1 a finding, 2 wrong use or a dependency that cannot be reached. */
export const exitCodes = { good: 0, finding: 1, wrongUse: 2 } as const;

/** A command found something that is not as it should be; it has printed it already. */
export class FindingError extends Error {
  override name = "FindingError";
}
