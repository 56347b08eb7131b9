/**
 * The ways in which a record can fail. A transform throws these; anything else it throws counts as transient.
 *
 * `instanceof` knows them by a brand and not by their class: a program may hold two copies of this package (two versions, or
 * one each from JSR and npm), and with classes an outage that one copy reports would be the record's fault to the other.
 */
import { brand, hasBrand } from "./error_brand.ts";

/** This record can never succeed: it goes to the dead letters at once. */
export class PoisonError extends Error {
  static {
    brand(this, "PoisonError");
  }

  /** Whether this is one, of whichever copy of the package. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return hasBrand(this, PoisonError, "PoisonError", value);
  }

  /** `message` says what is wrong with the record; it is kept in the dead letter. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "PoisonError";
  }
}

/** This record failed now and may succeed later: it is retried with backoff, then goes to the dead letters. */
export class TransientError extends Error {
  static {
    brand(this, "TransientError");
  }

  /** Whether this is one, of whichever copy of the package. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return hasBrand(this, TransientError, "TransientError", value);
  }

  /** `message` says what went wrong this time. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "TransientError";
  }
}

/** Something that every record needs is down: the lane waits, and no record is blamed. */
export class DependencyDownError extends Error {
  static {
    brand(this, "DependencyDownError");
  }

  /** Whether this is one, of whichever copy of the package. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return hasBrand(this, DependencyDownError, "DependencyDownError", value);
  }

  /** `dependency` is its name, for logs, metrics and readiness. */
  constructor(readonly dependency: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "DependencyDownError";
  }
}

/** Going on would lose or double something: a person must decide. Never retried. */
export class HaltError extends Error {
  static {
    brand(this, "HaltError");
  }

  /** Whether this is one, of whichever copy of the package. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return hasBrand(this, HaltError, "HaltError", value);
  }

  /** `message` says what would be lost or doubled, and what the person can do. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "HaltError";
  }
}
