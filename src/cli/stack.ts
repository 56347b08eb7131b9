/** `stack`: the embedded Kafka and PostgreSQL by themselves: run, show, stop, reset. */
import { Command } from "commander";
import Table from "cli-table3";
import { runUntilSignal } from "../app/compose/run_until_signal.ts";
import { readConfig } from "../config.ts";
import { type EnsuredStack, ensureStack } from "../tools/stack/ensure_stack.ts";
import { watchStack } from "../tools/stack/watch_stack.ts";
import { inspectStack, type StackConditions } from "../tools/stack/find_stack.ts";
import { databaseUrl, type StackState } from "../tools/stack/stack_state.ts";
import { resetStack, type StopReport, stopStack } from "../tools/stack/stop_stack.ts";
import { progress } from "./progress.ts";
import { FindingError } from "./exit_codes.ts";
import { jsonDocument } from "./json_document.ts";
import { print } from "./print.ts";

interface Output {
  readonly json?: boolean;
}

/** More than the services get before they are killed; a second signal does not wait for them. */
const shutdownMsMax = 60_000;

/** The command, ready to be added to the program. */
export function stackCommand(): Command {
  const command = new Command("stack")
    .description("Run the embedded Kafka and PostgreSQL until Ctrl-C; or show, stop or reset them.")
    .enablePositionalOptions()
    .option("--json", "print one JSON document when the services are up")
    .addHelpText(
      "after",
      "\nSettings: STACK_DIR, STACK_KAFKA_PORT, STACK_POSTGRES_PORT. Needs Java 17 or later, and Maven the first time.",
    )
    .action(runStack);
  command.command("status")
    .description("Show whether the services run: exit code 0 when both do, 1 when not.")
    .option("--json", "print one JSON document")
    .action(showStatus);
  command.command("stop")
    .description("Stop the services; no process of theirs is left.")
    .option("--json", "print one JSON document")
    .action(async ({ json }: Output) => printEnd(await stopStack(readConfig().STACK_DIR), json));
  command.command("reset")
    .description("Stop the services and delete their data; the cache of jars stays.")
    .option("--json", "print one JSON document")
    .action(async ({ json }: Output) => printEnd(await resetStack(readConfig().STACK_DIR), json));
  return command;
}

async function runStack({ json }: Output): Promise<void> {
  const config = readConfig();
  await runUntilSignal(async (signal) => {
    const stack = await ensureStack({
      directory: config.STACK_DIR,
      kafkaPort: config.STACK_KAFKA_PORT,
      postgresPort: config.STACK_POSTGRES_PORT,
      onProgress: progress,
      signal,
    }).catch((error) => {
      if (!signal.aborted) throw error;
    });
    if (!stack) return progress("Stopped before the services were up.");
    say(json, stack, () => addresses(stack));
    if (stack.started.length === 0) {
      return progress("It was running already and goes on; `deno task stack stop` ends it.");
    }
    progress(endingOf(stack.started));
    const ended = await watchStack(stack, progress, signal);
    if (ended === "by another command") return progress("Another command has stopped it.");
    if (ended === undefined) {
      progress("Stopping (the first time, Kafka also saves its classes for quicker starts).");
    }
    await stopStack(config.STACK_DIR, stack.started);
    if (ended !== undefined) throw ended;
  }, { shutdownMsMax });
}

/** What Ctrl-C will do: what ran before this command goes on. */
function endingOf(started: EnsuredStack["started"]): string {
  if (started.length === 2) return "Ctrl-C stops it.";
  const [own, other] = started[0] === "kafka" ? ["Kafka", "PostgreSQL"] : ["PostgreSQL", "Kafka"];
  return `Ctrl-C stops ${own}; ${other} was running already and goes on, until "deno task stack stop".`;
}

async function showStatus({ json }: Output): Promise<void> {
  const conditions = await inspectStack(readConfig().STACK_DIR);
  const running = conditions.kafka.condition === "running" &&
    conditions.postgres.condition === "running";
  say(json, { running, ...statusDocument(conditions) }, () => statusTable(conditions));
  if (!running) throw new FindingError("The embedded stack is not running.");
}

function statusDocument({ kafka, postgres }: StackConditions) {
  return {
    kafka: {
      condition: kafka.condition,
      ...kafka.service,
      brokers: kafka.service ? [`127.0.0.1:${kafka.service.port}`] : [],
    },
    postgres: {
      condition: postgres.condition,
      ...postgres.service,
      databaseUrl: postgres.service ? databaseUrl(postgres.service.port, "onceflow") : null,
    },
  };
}

function statusTable(conditions: StackConditions): string {
  const table = new Table({
    head: ["", "", "address", "process", "log"],
    style: { head: [], border: [], compact: true },
  });
  for (const [name, key] of [["Kafka", "kafka"], ["PostgreSQL", "postgres"]] as const) {
    const { condition, service } = conditions[key];
    table.push([
      service ? `${name} ${service.version}` : name,
      condition,
      service ? `127.0.0.1:${service.port}` : "",
      service ? String(service.pid) : "",
      service?.log ?? "",
    ]);
  }
  return table.toString();
}

function addresses(stack: StackState): string {
  return [
    `KAFKA_BROKERS=${stack.kafkaBrokers.join(",")}`,
    `DATABASE_URL=${stack.databaseUrl}`,
    `Logs: ${stack.kafka.log}`,
    `      ${stack.postgres.log}`,
  ].join("\n");
}

function printEnd(report: StopReport, json: boolean | undefined): void {
  const words = {
    gone: "was not running",
    stopped: "stopped",
    killed: "did not stop in time and was killed",
  };
  say(json, report, () => `Kafka ${words[report.kafka]}, PostgreSQL ${words[report.postgres]}.`);
}

function say(json: boolean | undefined, document: unknown, text: () => string): void {
  print(json ? jsonDocument(document) : text());
}
