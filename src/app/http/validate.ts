/** Parses what a client sent with a zod schema, and names every field that is wrong. */
import type { z } from "zod";
import { type FieldError, ProblemError, problemOf } from "./problem.ts";

/** More than this is a client that sends something else altogether. */
const errorsMax = 20;

/**
 * The value as the schema parses it.
 *
 * @throws {ProblemError} 422 with one entry for each wrong field
 */
export function validate<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  where: { readonly whole: string },
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const errors = firstOfEachField(
    parsed.error.issues.flatMap((issue) => fieldErrors(issue, where.whole)),
  );
  throw new ProblemError(
    problemOf(422, "invalid-fields", "The request has invalid fields", {
      detail: errors.map(({ field, detail }) => `${field}: ${detail}`).slice(0, 3).join("; "),
      errors: errors.slice(0, errorsMax),
    }),
  );
}

function fieldErrors(issue: z.core.$ZodIssue, whole: string): FieldError[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ field: key, detail: "is not a field of this request" }));
  }
  return [{ field: issue.path.join(".") || whole, detail: issue.message }];
}

/** A field that fails one rule usually fails the next too; the first says enough. */
function firstOfEachField(errors: readonly FieldError[]): FieldError[] {
  const seen = new Set<string>();
  return errors.filter(({ field }) => !seen.has(field) && seen.add(field));
}
