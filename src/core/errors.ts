/** The ways in which a record can fail. A transform throws these; anything else it throws counts as transient. */

/** This record can never succeed: it goes to the dead letters at once. */
export class PoisonError extends Error {
  /** `message` says what is wrong with the record; it is kept in the dead letter. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "PoisonError";
  }
}

/** This record failed now and may succeed later: it is retried with backoff, then goes to the dead letters. */
export class TransientError extends Error {
  /** `message` says what went wrong this time. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "TransientError";
  }
}

/** Something that every record needs is down: the lane waits, and no record is blamed. */
export class DependencyDownError extends Error {
  /** `dependency` is its name, for logs, metrics and readiness. */
  constructor(readonly dependency: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "DependencyDownError";
  }
}

/** Going on would lose or double something: a person must decide. Never retried. */
export class HaltError extends Error {
  /** `message` says what would be lost or doubled, and what the person can do. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "HaltError";
  }
}
