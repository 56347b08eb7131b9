/** Judges the schema: is it made, of this program, and could this user make it. Pure. */
import { whyNotIn } from "../../app/compose/agree_on_namespace.ts";
import { type Finding, not, right, splitRemedy } from "./finding.ts";
import type { SchemaFacts } from "./read_postgres.ts";

/** What this program has, and what is missing of it. */
export interface ExpectedSchema {
  /** Names of this program's migrations. */
  readonly known: readonly string[];
  /** What `migrate --check` lists. */
  readonly missing: readonly string[];
  /** Versions of the read model's tables: here, and of this program. */
  readonly views: { readonly installed?: number; readonly wanted: number };
}

/** Whether `serve` and `worker` find what they need. */
export function judgeSchema(
  { recorded, schema, mayCreate }: SchemaFacts,
  { known, missing, views }: ExpectedSchema,
): Finding[] {
  const subject = "schema";
  if (schema === undefined) {
    return [
      not(
        "wrong",
        subject,
        "no schema of search_path is there, or this user may not use it",
        "create it, grant usage on it, or set search_path for the user or the database",
      ),
    ];
  }
  if (missing.length > 0) {
    const what = recorded.length === 0
      ? `nothing is made yet in schema ${schema}`
      : `it is not up to date; missing: ${missing.join(", ")}`;
    const remedy = "deno task migrate, with a DATABASE_URL whose user owns the schema";
    return [
      mayCreate
        ? not("warning", subject, `${what}; the next start makes it`, remedy)
        : not("wrong", subject, `${what}, and this user may not create in ${schema}`, remedy),
    ];
  }
  const findings: Finding[] = [];
  const newer = recorded.filter((name) => !known.includes(name));
  if (newer.length > 0) {
    findings.push(
      not(
        "warning",
        subject,
        `it was migrated by another version than this one, with ${newer.join(", ")}`,
        "run the version that the other processes are of; src/deploy/upgrade.md says what goes together",
      ),
    );
  }
  const { installed, wanted } = views;
  if (installed !== undefined && installed !== wanted) {
    findings.push(
      not(
        "wrong",
        "read model",
        `its tables are of version ${installed}, this program is for ${wanted}: the projector waits`,
        installed < wanted
          ? "deno task projection rebuild"
          : "run the newer version, or go back by: deno task projection rebuild",
      ),
    );
  }
  return findings.length > 0
    ? findings
    : [right(subject, `up to date in schema ${schema}: ${known.length} migrations`)];
}

/** Whether the outbox was filled with as many shards as are set; `recorded` is undefined where it was never filled. */
export function judgeShards(recorded: number | undefined, wanted: number): Finding {
  const subject = "OUTBOX_SHARDS";
  if (recorded === undefined || recorded === wanted) {
    return right(subject, recorded === undefined ? `${wanted}: not in use yet` : `${wanted}`);
  }
  return not(
    "wrong",
    subject,
    `it is ${wanted}, and this outbox was filled with ${recorded}: serve and worker halt`,
    `set OUTBOX_SHARDS=${recorded}`,
  );
}

/** Whether this database is worked on under the namespace that is set; `recorded` is empty before the first start. */
export function judgeNamespace(recorded: readonly string[], wanted: string): Finding {
  const subject = "NAMESPACE";
  const why = whyNotIn(recorded, wanted);
  if (why === undefined) {
    return right(
      subject,
      recorded.length === 0 ? `${wanted}: not in use yet` : recorded.join(", "),
    );
  }
  const { text, remedy } = splitRemedy(why, ". ", "first");
  return not("wrong", subject, text, remedy);
}
