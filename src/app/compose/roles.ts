/** The background roles, and the consumer groups of those that are no flow. */

/** The background roles. */
export const roles = ["relay", "flow", "projector"] as const;

/** One of {@linkcode roles}. */
export type Role = (typeof roles)[number];

/** The consumer group of the relay's cursor. */
export const relayGroup = "onceflow.relay";

/** The consumer group that shares partitions among projectors; their positions are in Postgres. */
export const projectorGroup = "onceflow.projector";
