/** The background roles, and the consumer groups of the application. */
import type { Config } from "../../config.ts";
import { namesIn } from "../../engine/core/names.ts";
import { invoicingName } from "../orders/invoicing.ts";

/** The background roles. */
export const roles = ["relay", "flow", "projector"] as const;

/** One of {@linkcode roles}. */
export type Role = (typeof roles)[number];

/** What the consumer groups are called in the namespace of the settings. */
export function groupsOf({ NAMESPACE }: Pick<Config, "NAMESPACE">) {
  const names = namesIn(NAMESPACE);
  return {
    /** Of the relay's cursor. */
    relay: names.group("relay"),
    /** Of the flow that makes invoices. */
    invoicing: names.group(invoicingName),
    /** Shares partitions among projectors; their positions are in Postgres. */
    projector: names.group("projector"),
    /** Its offsets tell how far the dead letters were redriven. */
    redrive: names.redrive,
  };
}
