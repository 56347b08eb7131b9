/** `doctor`: looks at the cluster and the database and says, line by line, what is right and what is not. */
import { Command, InvalidArgumentError } from "commander";
import type { ExamineOptions, Section } from "../tools/doctor/examine.ts";
import { type DoctorRole, doctorRoles } from "../tools/doctor/role_rights.ts";
import { reportOf, reportText } from "../tools/doctor/report.ts";
import { FindingError } from "./exit_codes.ts";
import { jsonDocument } from "./json_document.ts";
import { wholeNumber } from "./number_option.ts";
import { print } from "./print.ts";

/** What the command does, given by who knows the services. */
export interface DoctorActions {
  examine(options: ExamineOptions): Promise<readonly Section[]>;
}

/** Something could not be asked, and what could be is not wrong. */
export class UncheckedError extends Error {
  override name = "UncheckedError";
}

interface DoctorArguments {
  readonly timeout: number;
  readonly role?: readonly DoctorRole[];
  readonly json?: true;
}

/** The command, ready to be added to the program. */
export function doctorCommand(actions: DoctorActions): Command {
  return new Command("doctor")
    .description(
      "Look at Kafka, Postgres and the settings: what is right, what is not, what to do.",
    )
    .option("--timeout <seconds>", "how long to wait for each answer", wholeNumber(1, 300), 10)
    .option("--role <roles>", `whose rights this user needs: ${doctorRoles.join(",")}`, rolesIn)
    .option("--json", "print one JSON document")
    .addHelpText("after", help)
    .action(async ({ timeout, role, json }: DoctorArguments) => {
      const options = { timeoutMs: timeout * 1_000, ...(role && { roles: role }) };
      const report = reportOf(await actions.examine(options));
      print(json ? jsonDocument(report) : reportText(report));
      if (report.tally.wrong > 0) throw new FindingError("something is wrong");
      if (report.tally.not_checked > 0) throw new UncheckedError("not everything was checked");
    });
}

const help = `
It only asks: no topic, offset, table or setting of yours is changed. To find a full disk it makes
Postgres write a temporary file of 200 kB; and in a cluster in which nobody has used a group or a
transaction yet, Kafka makes its own topics for them when it is asked. It works before the first
start, and while the pipeline works. Run it with the settings and the user of serve or worker, and
name with --role the roles that this user runs: a right that they lack is then wrong, and not only a
warning.

  ok           as it should be
  warning      it works, and may lose or halt one day
  WRONG        work halts, waits or loses because of it
  not told     Kafka or Postgres does not tell it, or not to this user
  not checked  it could not be asked now; the line says why

Exit code 1 when something is wrong; otherwise 2 when something could not be checked; otherwise 0.`;

function rolesIn(text: string): readonly DoctorRole[] {
  return text.split(",").map((word) => {
    const role = doctorRoles.find((known) => known === word.trim());
    if (role) return role;
    throw new InvalidArgumentError(`"${word}" is none of ${doctorRoles.join(", ")}.`);
  });
}
