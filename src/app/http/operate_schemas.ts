/** What the routes that operate the pipeline take and tell, as zod schemas. */
import { z } from "@hono/zod-openapi";
import { type Problem, problem } from "./problem.ts";

const dryRun = z.boolean().default(false).meta({
  description: "Only say what would be done; nothing is changed, and nothing noted",
});
const perSecond = z.int().min(1).max(1_000_000).optional().meta({
  description: "At most so many records a second; as fast as it goes where absent",
});
const address = z.string().regex(
  /^\d{1,9}\/\d{1,15}$/,
  "must be PARTITION/OFFSET of the dead-letter topic, as in 2/17",
);

/** The body of `POST /operate/dead-letters/redrive`. */
export const redriveRequest = z.strictObject({
  addresses: z.array(address).min(1, "must name one or more").max(1_000, "must name 1,000 or less")
    .optional().meta({ example: ["2/17"] }),
  fingerprint: z.string().regex(/^[0-9a-f]{12}$/, "must be 12 hexadecimal digits").optional()
    .meta({ description: "All that have this cause", example: "5d41402abc4b" }),
  error_class: z.string().min(1).max(1_000).optional().meta({ example: "PoisonError" }),
  topic: z.string().min(1).max(249).optional().meta({
    description: "Only those that came from this topic",
  }),
  all: z.literal(true).optional().meta({ description: "All that are pending" }),
  again: z.boolean().default(false).meta({
    description: "Also those that were redriven before; not together with `all`",
  }),
  limit: z.int().min(1).max(1_000_000_000).optional(),
  per_second: perSecond,
  trips_max: z.int().min(1).max(1_000_000_000).optional().meta({
    description: "Leave what has failed more often, unless it is named by its address. Default 10",
  }),
  dry_run: dryRun,
}).superRefine(({ addresses, fingerprint, error_class, topic, all, again }, context) => {
  const selects = [addresses, fingerprint, error_class, topic].some((part) => part !== undefined);
  if (!selects && all === undefined) {
    context.addIssue({
      code: "custom",
      message: "must select: addresses, fingerprint, error_class or topic; or say all: true",
    });
  }
  if (!selects && again) {
    context.addIssue({
      code: "custom",
      path: ["again"],
      message: "needs a selection: everything is never sent again at once",
    });
  }
}).openapi("RedriveRequest");

/** The body of `POST /operate/parked-keys/unpark`. */
export const unparkRequest = z.strictObject({
  key: z.string().min(1).max(1_000).optional().meta({ example: "order-17" }),
  key_hex: z.string().regex(/^([0-9a-f]{2}){1,4096}$/, "must be pairs of hexadecimal digits")
    .optional().meta({ description: "The key, when it is not text" }),
  all: z.literal(true).optional().meta({ description: "Every key that is parked" }),
  topic: z.string().min(1).max(249).optional().meta({
    description: "Only where it is parked in this topic",
  }),
  group: z.string().min(1).max(1_000).optional().meta({
    description: "Only where this group has parked it",
  }),
  skip_first: z.boolean().default(false).meta({
    description: "Pass over the record that holds the others up: it is NOT processed",
  }),
  forget: z.boolean().default(false).meta({
    description: "Free the key without sending anything: its order is lost",
  }),
  wait_seconds: z.int().min(0).max(600).default(30).meta({
    description: "How long a worker may take a round; 0 sends once and does not wait",
  }),
  per_second: perSecond,
  dry_run: dryRun,
}).superRefine(({ key, key_hex, all, skip_first, forget }, context) => {
  const named = [key, key_hex, all].filter((part) => part !== undefined).length;
  if (named !== 1) {
    const message = "must have one of key, key_hex and all: true";
    context.addIssue({ code: "custom", message });
  }
  if (skip_first && forget) {
    const message = "cannot be together with skip_first";
    context.addIssue({ code: "custom", path: ["forget"], message });
  }
}).openapi("UnparkRequest");

/** The body of `POST /operate/read-model/rebuild`. */
export const rebuildRequest = z.strictObject({
  allow_missing_history: z.boolean().default(false).meta({
    description: "Also where a topic has lost its oldest records: the new tables lack them",
  }),
  records_per_second: z.number().positive("must be above zero").max(1_000_000_000).optional().meta({
    description: "Fold no more than so many, to leave room for those who serve",
  }),
  diff: z.boolean().default(false).meta({
    description: "Compare with the live tables row by row; where they differ, do not swap",
  }),
  stop_before_swap: z.boolean().default(false).meta({
    description: "Only compare: drop the new tables again, and exchange nothing",
  }),
  rows: z.int().min(0).max(200).default(20).meta({
    description: "Of each table so many rows that differ are told; all are counted",
  }),
  dry_run: dryRun,
}).openapi("RebuildRequest");

/** The body of `POST /operate/read-model/rollback`. */
export const rollbackRequest = z.strictObject({
  at_once: z.boolean().default(false).meta({
    description: "As they are: readers see the past until the projectors have caught up",
  }),
  dry_run: dryRun,
}).openapi("RollbackRequest");

/** The body of `POST /operate/read-model/drop-old`. */
export const dropOldRequest = z.strictObject({ dry_run: dryRun }).openapi("DropOldRequest");

/** One line of the answer: a deed tells how it goes, and at its end what came of it. */
export const deedLine = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("begun"), action: z.string() }),
  z.object({ kind: z.literal("progress"), progress: z.record(z.string(), z.unknown()) }),
  z.object({ kind: z.literal("working") }).meta({ description: "It goes on; nothing new" }),
  z.object({ kind: z.literal("done"), result: z.record(z.string(), z.unknown()) }),
  z.object({ kind: z.literal("failed"), problem }),
]).openapi("DeedLine");

/** The same, as it is written. */
export type DeedLine =
  | { readonly kind: "begun"; readonly action: string }
  | { readonly kind: "progress"; readonly progress: Readonly<Record<string, unknown>> }
  | { readonly kind: "working" }
  | { readonly kind: "done"; readonly result: Readonly<Record<string, unknown>> }
  | { readonly kind: "failed"; readonly problem: Problem };
