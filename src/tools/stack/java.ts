/** What the machine has for running Kafka: Java, Maven, or else Docker. Never installs anything. */
import { StackError } from "./stack_error.ts";

/** The oldest Java that Kafka's broker runs on. */
export const javaMajorMin = 17;

/** The Java on the PATH. */
export interface Java {
  readonly major: number;
  /** As the program prints it: `17.0.15`. */
  readonly version: string;
}

/**
 * Asks `java -version`.
 *
 * @throws {StackError} when there is none on the PATH, or one older than {@linkcode javaMajorMin}
 */
export async function requireJava(): Promise<Java> {
  const output = await commandOutput("java", ["-version"]);
  if (output === undefined) {
    throw new StackError(`Cannot start Kafka: there is no java on the PATH. ${ways()}`);
  }
  const java = parseJavaVersion(output);
  if (java === undefined) {
    throw new StackError(
      `Cannot start Kafka: \`java -version\` prints no version (${
        output.trim().slice(0, 200)
      }). ${ways()}`,
    );
  }
  if (java.major < javaMajorMin) {
    throw new StackError(
      `Cannot start Kafka: the java on the PATH is ${java.version}, and Kafka needs ${javaMajorMin} or later. ` +
        `Put a newer one first on the PATH. ${ways()}`,
    );
  }
  return java;
}

/** The version in the output of `java -version`: `"17.0.15"`, `"21"`, and `"1.8.0_402"` for Java 8. */
export function parseJavaVersion(output: string): Java | undefined {
  const version = output.match(/version "([^"]+)"/)?.[1];
  const [first, second] = (version ?? "").split(/[._+-]/).map(Number);
  const major = first === 1 ? second : first;
  return version === undefined || !Number.isInteger(major) || major === undefined
    ? undefined
    : { major, version };
}

/** What a reader without Java or Maven can do; with the exact command where Docker's engine is running. */
export function ways(): string {
  const compose = "docker compose up -d --wait kafka postgres";
  const settings =
    "KAFKA_BROKERS=127.0.0.1:19092 and DATABASE_URL=postgres://onceflow:onceflow@127.0.0.1:15432/onceflow";
  return hasDockerEngine()
    ? `Docker is running here: \`${compose}\`, then set ${settings}. Or install Java ${javaMajorMin} or later and Maven.`
    : `Install Java ${javaMajorMin} or later and Maven; or install Docker, run \`${compose}\`, and set ${settings}.`;
}

function hasDockerEngine(): boolean {
  try {
    return Deno.statSync("/var/run/docker.sock").isSocket === true;
  } catch {
    return false; // absent, or not ours to look at
  }
}

/** Standard output and error of a short command, undefined when there is no such command. */
async function commandOutput(command: string, args: string[]): Promise<string | undefined> {
  try {
    const run = await new Deno.Command(command, { args, stdin: "null" }).output();
    return new TextDecoder().decode(run.stdout) + new TextDecoder().decode(run.stderr);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable) return;
    throw error;
  }
}
