/** The record of the running services in `stack.json`. Written whole or not at all; what it says is checked elsewhere. */
import { z } from "zod";
import { type StackPaths, stackPaths } from "./paths.ts";
import { postgresUser } from "./postgres_wire.ts";

const service = z.object({
  pid: z.int().positive(),
  startedAt: z.string(),
  port: z.int().positive(),
  version: z.string(),
  log: z.string(),
}).readonly();

const kafkaService = service.unwrap().extend({
  /** Told apart from another Kafka on the same port by this. */
  clusterId: z.string(),
  /** The class archive that this run reads, or writes under the name with `.new` when it ends. */
  archive: z.string(),
}).readonly();

const postgresService = service.unwrap().extend({
  /** Told apart from another PostgreSQL on the same port by this; absent until it has answered once. */
  systemIdentifier: z.string().optional(),
}).readonly();

const record = z.object({
  kafka: kafkaService.optional(),
  postgres: postgresService.optional(),
}).readonly();

/** The embedded broker, as recorded. */
export type KafkaService = z.output<typeof kafkaService>;
/** The embedded server, as recorded. */
export type PostgresService = z.output<typeof postgresService>;
/** What is on record; either may be missing, stopped or a leftover. */
export type StackRecord = z.output<typeof record>;

/** A stack whose two services answer. */
export interface StackState {
  /** Absolute. */
  readonly directory: string;
  readonly kafkaBrokers: string[];
  readonly databaseUrl: string;
  readonly kafka: KafkaService;
  readonly postgres: PostgresService;
}

/** The record; empty when there is none, or none that can be read (a leftover of another version). */
export async function readRecord({ state }: StackPaths): Promise<StackRecord> {
  try {
    return record.parse(JSON.parse(await Deno.readTextFile(state)));
  } catch (error) {
    if (
      error instanceof Deno.errors.NotFound || error instanceof SyntaxError ||
      error instanceof z.ZodError
    ) return {};
    throw error;
  }
}

/** Replaces the record: readers see the old one or the new one. The caller holds the stack's lock. */
export function writeRecord({ state }: StackPaths, value: StackRecord): void {
  Deno.writeTextFileSync(`${state}.new`, JSON.stringify(value, null, 2) + "\n");
  Deno.renameSync(`${state}.new`, state);
}

/** The addresses of two services that answer. */
export function stackState(
  directory: string,
  kafka: KafkaService,
  postgres: PostgresService,
): StackState {
  return {
    directory: stackPaths(directory).directory,
    kafkaBrokers: [`127.0.0.1:${kafka.port}`],
    databaseUrl: databaseUrl(postgres.port, postgresUser),
    kafka,
    postgres,
  };
}

/** The address of one database of the embedded server. */
export function databaseUrl(port: number, database: string): string {
  return `postgres://${postgresUser}@127.0.0.1:${port}/${database}`;
}
