/** A record as the encoder takes it. Plain data. */
import type { OutputRecord } from "../../core/record.ts";

/** A record whose partition is known from elsewhere. */
export type WritableRecord = Pick<OutputRecord, "key" | "value" | "headers" | "timestamp">;
