/** The named points of a process that no request marks: it stops there and says so, and the torture kills it. */

/** Points in the relay and the projector; those between requests to Kafka are seen by the proxy. */
export const innerPoints = [
  "relay-before-barrier",
  "relay-after-barrier",
  "relay-within-barrier",
  "relay-before-read",
  "relay-after-read",
  "projector-before-commit",
  "projector-after-commit",
] as const;
/** One of {@linkcode innerPoints}. */
export type InnerPoint = (typeof innerPoints)[number];

/** Told by the torture over standard input: stop at that point, once, after passing it so often. */
export interface Arming {
  readonly point: InnerPoint | "none";
  readonly passes: number;
}

/** The points of one process. */
export interface CrashPoints {
  /** Called where the process is; never returns when it is to be killed there. */
  reach(point: InnerPoint): Promise<void>;
  arm(arming: Arming): void;
}

/** `onReached` tells the torture. */
export function crashPoints(onReached: (point: InnerPoint) => void): CrashPoints {
  let armed: { point: InnerPoint | "none"; left: number } | undefined;
  return {
    arm({ point, passes }) {
      armed = { point, left: passes };
    },
    async reach(point) {
      if (armed?.point !== point || armed.left-- > 0) return;
      armed = undefined;
      onReached(point);
      await new Promise(() => {});
    },
  };
}
