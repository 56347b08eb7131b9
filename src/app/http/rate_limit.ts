/** A token bucket for each client: a second's worth of requests at once, and then as many as the rate lets flow in. */

/** Counts a request of that client. Zero where it may go on, else the whole seconds to wait; it is not counted then. */
export type RateLimit = (client: string) => number;

/** `perSecondMax` 0 is no limit. Clients are those of the settings, so there are few. */
export function createRateLimit(
  { perSecondMax, now = () => performance.now() }: {
    readonly perSecondMax: number;
    /** Milliseconds that only go up. */
    readonly now?: () => number;
  },
): RateLimit {
  const buckets = new Map<string, { left: number; at: number }>();
  return (client) => {
    if (perSecondMax === 0) return 0;
    const at = now();
    const bucket = buckets.get(client) ?? { left: perSecondMax, at };
    buckets.set(client, bucket);
    bucket.left = Math.min(perSecondMax, bucket.left + (at - bucket.at) / 1_000 * perSecondMax);
    bucket.at = at;
    if (bucket.left < 1) return Math.ceil((1 - bucket.left) / perSecondMax);
    bucket.left--;
    return 0;
  };
}
