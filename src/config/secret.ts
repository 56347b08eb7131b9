/** A value that must not be printed. */

const secrets = new WeakMap<Secret, string>();

/** It shows as `[redacted]` in logs, JSON and templates. */
export class Secret {
  constructor(value: string) {
    secrets.set(this, value);
  }
  /** The value itself, for the one place that hands it to a client. */
  reveal(): string {
    return secrets.get(this) ?? "";
  }
  toString(): string {
    return "[redacted]";
  }
  toJSON(): string {
    return "[redacted]";
  }
  [Symbol.for("Deno.customInspect")](): string {
    return "[redacted]";
  }
}
