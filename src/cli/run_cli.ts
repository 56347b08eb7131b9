/** Builds the program from its commands, runs one, and decides the exit code. */
import { Command, CommanderError } from "commander";
import { readConfig } from "../config.ts";
import { HaltError } from "../engine/core/errors.ts";
import { configureLogging } from "../engine/observe/logging.ts";
import { version } from "../engine/version.ts";
import { benchCommand } from "./bench.ts";
import { demoCommand } from "./demo.ts";
import { dlqCommand } from "./dlq.ts";
import { doctorCommand, UncheckedError } from "./doctor.ts";
import { exitCodes, FindingError } from "./exit_codes.ts";
import { explainCommand } from "./explain.ts";
import { fitHelp } from "./fit_help.ts";
import { jsonDocument } from "./json_document.ts";
import { messageOf } from "./message_of.ts";
import { migrateCommand } from "./migrate.ts";
import { newCommand } from "./new.ts";
import { offsetsCommand } from "./offsets.ts";
import { operateCommand } from "./operate.ts";
import { print, printedSoFar } from "./print.ts";
import { progress } from "./progress.ts";
import { projectionCommand } from "./projection.ts";
import { recordsCommand } from "./records.ts";
import { refuseEmpty } from "./refuse_empty.ts";
import { serveCommand } from "./serve.ts";
import { schemaCommand } from "./schema.ts";
import { stackCommand } from "./stack.ts";
import { transactionsCommand } from "./transactions.ts";
import { verifyCommand } from "./verify.ts";
import { tortureCommand } from "./torture.ts";
import { auditCommand } from "./audit.ts";
import {
  auditActions,
  benchActions,
  doctorActions,
  explainActions,
  migrateActions,
  privacyActions,
  projectionActions,
  verifyActions,
} from "./wiring.ts";
import { dlqActions, offsetsActions, recordsActions, transactionsActions } from "./wiring_kafka.ts";
import { privacyCommand } from "./privacy.ts";
import { workerCommand } from "./worker.ts";

/** Runs one command line and answers with the exit code. Prints errors, with `--json` as a document, too; never throws. */
export async function runCli(args: readonly string[]): Promise<number> {
  const printedBefore = printedSoFar();
  const program = programWithCommands();
  program.hook("preAction", (_program, action) => {
    refuseEmpty(action);
    const { LOG_LEVEL, LOG_FORMAT } = readConfig();
    // A demonstration speaks for itself; a service says what it does.
    const quiet = !["serve", "worker", "operate"].includes(action.name());
    configureLogging({ level: LOG_LEVEL ?? (quiet ? "warning" : "info"), format: LOG_FORMAT });
  });
  try {
    await program.parseAsync([...args], { from: "user" });
    return exitCodes.good;
  } catch (error) {
    const code = exitCodeOf(error);
    const owesDocument = code !== exitCodes.good && printedSoFar() === printedBefore;
    if (owesDocument && args.includes("--json")) {
      print(jsonDocument({ error: wordsOf(error), exit_code: code }));
    }
    return code;
  }
}

/** The program with all its commands. Nothing is run, and no setting read. `write` is where help goes. */
export function programWithCommands(write?: (text: string) => void): Command {
  const program = new Command("onceflow")
    .version(version, "--version", "Print the version")
    .description("An exactly-once event pipeline on Kafka and Postgres.")
    .addHelpText("after", "\nSettings come from the environment: see .env.example.")
    .enablePositionalOptions()
    .exitOverride();
  for (const command of commands()) program.addCommand(withExitOverride(command));
  fitHelp(program, write);
  return program;
}

function commands(): Command[] {
  return [
    demoCommand(),
    serveCommand(),
    workerCommand().addCommand(offsetsCommand(offsetsActions))
      .addCommand(transactionsCommand(transactionsActions))
      .addCommand(auditCommand(auditActions)),
    doctorCommand(doctorActions),
    operateCommand(),
    migrateCommand(migrateActions),
    stackCommand(),
    verifyCommand(verifyActions),
    explainCommand(explainActions),
    dlqCommand(dlqActions),
    projectionCommand(projectionActions),
    recordsCommand(recordsActions),
    privacyCommand(privacyActions),
    schemaCommand(),
    benchCommand(benchActions),
    tortureCommand(),
    newCommand(),
  ];
}

/** A wrong word ends no process by itself, and is answered with where the right ones stand. */
function withExitOverride(command: Command, path = command.name()): Command {
  command.exitOverride();
  const names = command.commands.map((child) => child.name());
  const has = names.length > 0 ? `Commands of ${path}: ${names.join(", ")}. ` : "";
  command.showHelpAfterError(`${has}See "deno task ${path} --help".`);
  for (const child of command.commands) withExitOverride(child, `${path} ${child.name()}`);
  return command;
}

/** As it is said on stderr, where a word of the command line is wrong without the help behind it. */
function wordsOf(error: unknown): string {
  if (error instanceof CommanderError) return error.message.replace(/^error: /, "");
  return messageOf(error);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? exitCodes.good : exitCodes.wrongUse;
  }
  if (error instanceof FindingError) return exitCodes.finding;
  if (error instanceof UncheckedError) return exitCodes.wrongUse;
  if (error instanceof HaltError) {
    progress(`Halted: ${error.message}`);
    return exitCodes.finding;
  }
  progress(messageOf(error));
  return exitCodes.wrongUse;
}
