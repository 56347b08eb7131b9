/** Gives dead letters with the same cause the same name, whatever record each of them was. Pure. */
import { createHash } from "node:crypto";
import type { DeadLetter } from "./read_dead_letter.ts";
import { reasonPattern } from "./reason_pattern.ts";

const digitsMax = 12;
const shape = /^[0-9a-f]{12}$/;

/**
 * Twelve hexadecimal digits over the class of the error, its text without what differs from record to record
 * ({@linkcode reasonPattern}), the group that gave it up and the topic that it came from.
 */
export function fingerprintOf(
  { errorClass, error, groupId, origin }: Pick<
    DeadLetter,
    "errorClass" | "error" | "groupId" | "origin"
  >,
): string {
  const parts = [errorClass, reasonPattern(error), groupId, origin?.topic ?? ""];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, digitsMax);
}

/**
 * Reads a fingerprint that a person has typed.
 *
 * @throws {TypeError} for anything but twelve hexadecimal digits
 */
export function parseFingerprint(text: string): string {
  const fingerprint = text.toLowerCase();
  if (shape.test(fingerprint)) return fingerprint;
  throw new TypeError(
    `"${text}" is not a fingerprint: write its 12 hexadecimal digits, as "deno task dlq groups" shows them`,
  );
}
