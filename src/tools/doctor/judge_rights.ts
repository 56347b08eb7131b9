/** Judges what a user may do in Kafka and Postgres against what the roles need. Pure. */
import { type Finding, not, right } from "./finding.ts";
import type { HasRight } from "./read_rights.ts";
import type { DoctorRole, Right } from "./role_rights.ts";

/** Who is judged. */
export interface Judged {
  readonly role: string;
  /** The role was asked for: then what is missing is wrong, and otherwise another user may run it. */
  readonly isAsked: boolean;
  /** The name that Kafka knows this client by. */
  readonly user?: string;
}

/** One line a role. */
export function judgeRights(
  { role, isAsked, user }: Judged & { readonly role: DoctorRole },
  needed: readonly Right[],
  has: HasRight,
): Finding {
  const subject = `rights of ${role}`;
  const missing = needed.filter((one) => has(one) === false);
  const whose = user === undefined ? "this client" : `the user ${user}`;
  if (missing.length > 0) {
    const listed = missing.map(({ operation, resource, name }) =>
      `${operation} ${resource} ${name}`
    );
    return not(
      isAsked ? "wrong" : "warning",
      subject,
      `${whose} may not ${listed.join(", ")}${isAsked ? "" : runByAnother}`,
      grantsOf(missing, user ?? "?").join("; "),
    );
  }
  const untold = needed.filter((one) => has(one) === undefined);
  if (untold.length === 0 || user === undefined) {
    return right(subject, `${whose} may do in Kafka all that it needs`);
  }
  const listed = untold.map(({ operation, resource, name }) => `${operation} ${resource} ${name}`);
  return right(
    subject,
    `${whose} lacks nothing that Kafka tells; not told before it is done: ${listed.join(", ")}`,
  );
}

const runByAnother = ", which is as it should be where another user runs that role (--role)";

/** The commands, one for each name. */
function grantsOf(rights: readonly Right[], user: string): string[] {
  const byName = Map.groupBy(rights, ({ resource, name }) => `${resource} ${name}`);
  return [...byName.values()].map((own) => {
    const [{ resource, name } = { resource: "topic", name: "?" }] = own;
    const prefixed = name.endsWith("*") ? " --resource-pattern-type prefixed" : "";
    const option = `--${resource.replace(" ", "-")} '${name.replace(/\*$/, "")}'${prefixed}`;
    const operations = own.map(({ operation }) => `--operation ${operation}`).join(" ");
    return `kafka-acls.sh --add --allow-principal User:${user} ${operations} ${option}`;
  });
}

/** One line a role file: `missing` is what its statements grant and this user has not; undefined where none of it is there. */
export function judgeGrants(
  { role, isAsked, user = "this user" }: Judged,
  missing: readonly string[] | undefined,
): Finding {
  const subject = `rights of ${role}`;
  if (missing === undefined) {
    return not("not_told", subject, "none of the tables that it needs is there for this user");
  }
  if (missing.length === 0) return right(subject, `${user} may do in Postgres all that it needs`);
  return not(
    isAsked ? "wrong" : "warning",
    subject,
    `${user} may not ${missing.join(", ")}${isAsked ? "" : runByAnother}`,
    `run src/app/roles/${role}.sql as the owner of the schema, for this user`,
  );
}
