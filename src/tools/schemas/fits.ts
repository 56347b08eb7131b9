/** Decides whether everything that is written under one JSON Schema can be read under another. Pure. */

/** The words of JSON Schema (2020-12) that zod makes of our events. */
export interface JsonSchema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: unknown;
  readonly items?: JsonSchema;
  readonly allOf?: readonly JsonSchema[];
}

/**
 * Why a reader may refuse what was written; nothing where it takes all of it. `written` are schemas that all hold for what
 * was written: the strict one that its writer validates with, and the one that its own version reads with.
 *
 * It errs on the side of a finding: of two patterns that differ it does not know that one allows less. Checks in code (a
 * currency that exists, the decimals that it has) are in no JSON Schema, and are not compared.
 */
export function whyUnreadable(
  reader: JsonSchema,
  written: readonly JsonSchema[],
  path = "",
): string[] {
  const found: string[] = [];
  const field = path || "the event";
  const known = written.flatMap(flat);
  for (const part of flat(reader)) {
    const { type, pattern } = part;
    if (type !== undefined && !known.some((one) => isOfType(one, type))) {
      found.push(`${field} must be of type ${type}, and is ${known[0]?.type ?? "of any"}`);
    }
    const allowed = valuesOf(part);
    if (allowed && !known.some((one) => valuesOf(one)?.every((value) => allowed.includes(value)))) {
      found.push(`${field} must be ${allowed.map((value) => JSON.stringify(value)).join(" or ")}`);
    }
    if (pattern !== undefined && !known.some((one) => holds(one, pattern))) {
      found.push(`${field} must match ${pattern}`);
    }
    for (const bound of ["minLength", "minimum", "maxLength", "maximum"] as const) {
      const limit = part[bound];
      if (limit !== undefined && !known.some((one) => isWithin(one, bound, limit))) {
        found.push(`${field} has ${bound} ${limit}`);
      }
    }
    const inside = (name: string) => path ? `${path}.${name}` : name;
    for (const name of part.required ?? []) {
      if (!known.some(({ required }) => required?.includes(name))) {
        found.push(`${inside(name)} is required, and may be missing`);
      }
    }
    for (const [name, property] of Object.entries(part.properties ?? {})) {
      const same = known.flatMap(({ properties }) => properties?.[name] ?? []);
      if (same.length > 0) found.push(...whyUnreadable(property, same, inside(name)));
    }
    if (part.additionalProperties === false) {
      for (const name of Object.keys(written[0]?.properties ?? {})) {
        if (!part.properties?.[name]) found.push(`${inside(name)} is not known, and refused`);
      }
    }
    if (part.items) {
      const items = known.flatMap((one) => one.items ?? []);
      found.push(...whyUnreadable(part.items, items, inside("[]")));
    }
  }
  return [...new Set(found)];
}

/** A schema and those that it is made of; all of them hold. */
function flat(schema: JsonSchema): JsonSchema[] {
  return [schema, ...(schema.allOf ?? []).flatMap(flat)];
}

function valuesOf({ const: value, enum: values }: JsonSchema): readonly unknown[] | undefined {
  return value === undefined ? values : [value];
}

function isOfType(written: JsonSchema, type: string): boolean {
  if (written.type === type) return true;
  const values = valuesOf(written);
  if (type === "integer" && values) return values.every(Number.isInteger);
  return type === "number" && written.type === "integer";
}

function holds(written: JsonSchema, pattern: string): boolean {
  if (written.pattern === pattern) return true;
  const expression = new RegExp(pattern, "u");
  return valuesOf(written)?.every((value) => expression.test(String(value))) ?? false;
}

type Bound = "minLength" | "minimum" | "maxLength" | "maximum";

function isWithin(written: JsonSchema, bound: Bound, limit: number): boolean {
  const isLower = bound.startsWith("min");
  const fits = (value: number) => isLower ? value >= limit : value <= limit;
  const own = written[bound];
  if (own !== undefined) return fits(own);
  const measured = bound.endsWith("Length")
    ? (value: unknown) => [...String(value)].length
    : (value: unknown) => Number(value);
  return valuesOf(written)?.every((value) => fits(measured(value))) ?? false;
}
