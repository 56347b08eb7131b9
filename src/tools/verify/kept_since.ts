/** Since when retention has removed no dead letter. */
import type { ConservationOptions } from "./conservation_options.ts";

/**
 * Since when dead letters are all there; undefined where they are kept for ever. To be asked after they were read: what was
 * removed before then is older.
 */
export async function keptSince(
  { deadLetterRetentionMs: keptMs = -1, now }: Pick<
    ConservationOptions,
    "deadLetterRetentionMs" | "now"
  >,
): Promise<{ readonly fromMs?: number; readonly notes: readonly string[] }> {
  if (keptMs < 0) return { notes: [] };
  const { ms, untold } = await now?.() ?? { ms: Date.now() };
  const notes = untold === undefined ? [] : [
    `which dead letters retention may have removed is judged by this host's clock: Kafka has not told its time (${untold})`,
  ];
  return { fromMs: ms - keptMs, notes };
}
