/** A record as the encoder takes it. Plain data. */
import type { Header } from "../../core/record.ts";

/**
 * A record as it can be written: core's `OutputRecord` is one. A key or value given as a string is written as UTF-8
 * straight into the batch, which costs a tenth of making bytes of it first (`deno bench tests/bench/codec_bench.ts`).
 */
export interface WritableRecord {
  readonly key: Uint8Array | string | null;
  readonly value: Uint8Array | string | null;
  readonly headers: readonly Header[];
  /** Milliseconds since the epoch; the batch's `timestampMs` where absent. */
  readonly timestamp?: number;
}
