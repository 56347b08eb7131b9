/** The schemas of our events as they are now, and as they were released. */
import { z } from "zod";
import {
  invoiceIssued,
  invoiceIssuedStrict,
  invoiceIssuedType,
  invoiceIssuedVersion,
  orderPlaced,
  orderPlacedStrict,
  orderPlacedType,
  orderPlacedVersion,
} from "../../app/orders/events.ts";
import type { JsonSchema } from "./fits.ts";

/** What a program writes and what it reads, of one type of event. */
export interface EventSchemas {
  /** The `schema_version` that it writes. */
  readonly version: number;
  readonly writes: JsonSchema;
  readonly reads: JsonSchema;
}

/** Releases by the type of event, the oldest first. All of them count: what they wrote stands on the topics. */
export type Releases = Readonly<Record<string, readonly EventSchemas[]>>;

/** Where the releases are kept. */
export const releasesFile = new URL("../../app/orders/released_schemas.json", import.meta.url);

/** Those of this program, by the type of event. */
export function currentSchemas(): Readonly<Record<string, EventSchemas>> {
  return {
    [orderPlacedType]: schemasOf(orderPlacedVersion, orderPlaced, orderPlacedStrict),
    [invoiceIssuedType]: schemasOf(invoiceIssuedVersion, invoiceIssued, invoiceIssuedStrict),
  };
}

/** Those that were released. */
export async function readReleases(): Promise<Releases> {
  return JSON.parse(await Deno.readTextFile(releasesFile)) as Releases;
}

function schemasOf(version: number, read: z.ZodType, write: z.ZodType): EventSchemas {
  return {
    version,
    writes: z.toJSONSchema(write, { io: "output" }) as JsonSchema,
    reads: z.toJSONSchema(read, { io: "input" }) as JsonSchema,
  };
}
