/** Finds the running stack of a directory. Only looks: starts, stops and repairs nothing. */
import { kafkaPing } from "./kafka_ping.ts";
import { stackPaths } from "./paths.ts";
import { postgresPing } from "./postgres_wire.ts";
import { isRunning } from "./processes.ts";
import {
  type KafkaService,
  type PostgresService,
  readRecord,
  type StackState,
  stackState,
} from "./stack_state.ts";

/** The stack of that directory if both services answer, and as the ones on record; undefined otherwise. */
export async function findStack(directory: string): Promise<StackState | undefined> {
  const { kafka, postgres } = await readRecord(stackPaths(directory));
  if (!kafka || !postgres) return undefined;
  const answers = await Promise.all([kafkaAnswers(kafka), postgresAnswers(postgres)]);
  return answers.every(Boolean) ? stackState(directory, kafka, postgres) : undefined;
}

/** `running` answers; `silent` has a process that does not answer (yet); `stopped` has none. */
export type ServiceCondition = "running" | "silent" | "stopped";

/** Each service's condition, and its record where there is one. */
export interface StackConditions {
  readonly kafka: { readonly condition: ServiceCondition; readonly service?: KafkaService };
  readonly postgres: { readonly condition: ServiceCondition; readonly service?: PostgresService };
}

/** Looks at each service of the directory by itself. */
export async function inspectStack(directory: string): Promise<StackConditions> {
  const { kafka, postgres } = await readRecord(stackPaths(directory));
  const condition = async (
    answers: Promise<boolean> | undefined,
    service: KafkaService | PostgresService | undefined,
  ): Promise<ServiceCondition> => {
    if (answers === undefined || service === undefined) return "stopped";
    if (await answers) return "running";
    return await isRunning(service) ? "silent" : "stopped";
  };
  const [ofKafka, ofPostgres] = await Promise.all([
    condition(kafka && kafkaAnswers(kafka), kafka),
    condition(postgres && postgresAnswers(postgres), postgres),
  ]);
  return {
    kafka: { condition: ofKafka, service: kafka },
    postgres: { condition: ofPostgres, service: postgres },
  };
}

/** Who of the services on record does not answer, in words; and whether nothing listens where they were. */
export interface SilentStack {
  readonly who: string;
  readonly gone: boolean;
}

/** Asks the services alone, for a program that may not look at processes. Undefined where both answer. */
export async function findSilent(directory: string): Promise<SilentStack | undefined> {
  const { kafka, postgres } = await readRecord(stackPaths(directory));
  if (!kafka || !postgres) return { who: "the embedded stack", gone: true };
  const names: string[] = [];
  if (!await kafkaAnswers(kafka)) names.push(`Kafka (process ${kafka.pid})`);
  if (!await postgresAnswers(postgres)) names.push(`PostgreSQL (process ${postgres.pid})`);
  if (names.length === 0) return undefined;
  const listening = await Promise.all([kafka, postgres].map(({ port }) => listens(port)));
  return { who: names.join(" and "), gone: !listening.includes(true) };
}

async function listens(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

/** The identity in the answer makes a leftover record harmless: another server on that port is not ours. */
async function kafkaAnswers({ port, clusterId }: KafkaService): Promise<boolean> {
  return (await kafkaPing(port))?.clusterId === clusterId;
}

async function postgresAnswers({ port, systemIdentifier }: PostgresService): Promise<boolean> {
  return systemIdentifier !== undefined && await postgresPing(port) === systemIdentifier;
}
