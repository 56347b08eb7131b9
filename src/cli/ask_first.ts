/** Asks before what cannot be undone, or changes what others rely on. Decides nothing itself. */

/** Nobody has said yes. */
export class NotConfirmedError extends Error {
  override name = "NotConfirmedError";
}

/** Who is asked, unless `--yes` was said. */
export interface Asking {
  readonly yes?: boolean;
  /** Answers no where nobody can be asked. */
  readonly confirm: (question: string) => boolean;
  /** What was not done then, as in "Nothing was sent". */
  readonly not?: string;
}

/** @throws {NotConfirmedError} unless the answer is yes */
export function askFirst(question: string, { yes, confirm, not = "changed" }: Asking): void {
  if (yes || confirm(question)) return;
  throw new NotConfirmedError(`Nothing was ${not}: it was not confirmed. Add --yes to do it`);
}
