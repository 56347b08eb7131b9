/** Times as text, for people and documents. A time of 0 or less is none: Kafka's -1 says so, and 0 is what nobody has set. */

/** ISO 8601 in UTC; undefined where it is no time; the number as it is where no date reaches so far, which Kafka takes. */
export function isoTime(ms: number): string | undefined {
  if (!(ms > 0)) return undefined;
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? String(ms) : time.toISOString();
}

/** The same in a sentence. */
export function timeText(ms: number): string {
  return isoTime(ms) ?? "(unknown time)";
}
