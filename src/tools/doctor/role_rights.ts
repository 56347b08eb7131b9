/** What each role needs in Kafka, under these settings: the rows of src/rights.md that name roles. Pure. */
import { groupsOf, type Role, roles } from "../../app/compose/roles.ts";
import type { Config } from "../../config.ts";
import { namesIn } from "../../engine/core/names.ts";
import { attemptsGroupOf } from "../../engine/kafka/crash_log.ts";

/** Who is looked at: the worker's roles, and `serve`. */
export const doctorRoles = ["serve", ...roles] as const;

/** One of {@linkcode doctorRoles}. */
export type DoctorRole = "serve" | Role;

/** One rule. */
export interface Right {
  readonly operation: "Describe" | "Read" | "Write";
  readonly resource: "topic" | "group" | "transactional id";
  /** With `*` at its end where it is a prefix. */
  readonly name: string;
}

/** Of one role. */
export function rightsOf(role: DoctorRole, config: Config): readonly Right[] {
  const { relay, invoicing, projector } = groupsOf(config);
  const { lanes } = namesIn(config.NAMESPACE);
  const {
    ORDERS_TOPIC: orders,
    INVOICES_TOPIC: invoices,
    DEAD_LETTERS_TOPIC: dead,
    OUTBOX_CURSOR_TOPIC: cursor,
  } = config;
  const all = (operation: Right["operation"], resource: Right["resource"], ...names: string[]) =>
    names.map((name) => ({ operation, resource, name }));
  switch (role) {
    case "serve":
      return [
        ...all("Describe", "topic", orders, invoices, cursor),
        ...all("Read", "topic", dead),
        ...all("Describe", "group", relay, invoicing),
      ];
    case "relay":
      return [
        ...all("Write", "topic", orders),
        ...all("Read", "topic", cursor),
        ...all("Read", "group", relay),
        ...all("Write", "transactional id", `${relay}/*`),
      ];
    case "flow":
      return [
        ...all("Read", "topic", orders),
        ...all("Write", "topic", invoices, dead),
        ...all("Read", "topic", lanes),
        ...all("Write", "topic", lanes),
        ...all("Read", "group", invoicing, attemptsGroupOf(invoicing)),
        ...all("Write", "transactional id", `${invoicing}/*`),
      ];
    case "projector":
      return [
        ...all("Read", "topic", orders, invoices, dead),
        ...all("Read", "group", projector),
      ];
    default:
      role satisfies never;
      return [];
  }
}
