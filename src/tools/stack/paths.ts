/** Where the embedded stack keeps its things. Owns the layout of the directory, never touches it. */
import { fileURLToPath } from "node:url";
import { dirname, join, resolve } from "node:path";

/** Absolute paths of everything below one stack directory. */
export interface StackPaths {
  readonly directory: string;
  readonly state: string;
  readonly lock: string;
  readonly logs: string;
  readonly kafkaData: string;
  readonly kafkaLog: string;
  readonly postgresData: string;
  readonly postgresLog: string;
}

/** The layout under `directory`, which may be relative to the working directory. */
export function stackPaths(directory: string): StackPaths {
  const root = resolve(directory);
  const logs = join(root, "logs");
  return {
    directory: root,
    state: join(root, "stack.json"),
    lock: join(root, "stack.lock"),
    logs,
    kafkaData: join(root, "kafka"),
    kafkaLog: join(logs, "kafka.log"),
    postgresData: join(root, "postgres"),
    postgresLog: join(logs, "postgres.log"),
  };
}

/** The checkout's own file `name` beside the source of the broker: `pom.xml`, `log4j2.properties`. */
export function kafkaResource(name: string): string {
  return join(dirname(fileURLToPath(import.meta.url)), "kafka", name);
}
