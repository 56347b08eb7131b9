/** Kafka's jars in the cache: resolved by Maven once for each version and kept. Never starts a broker. */
import { join, resolve } from "node:path";
import { ways } from "./java.ts";
import { kafkaResource } from "./paths.ts";
import { StackError } from "./stack_error.ts";

/** Which Kafka, where to keep it, and whom to tell. */
export interface KafkaJarsOptions {
  readonly version: string;
  readonly cacheDirectory: string;
  readonly onProgress?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * The directory that holds the jars of that version. What Maven brings lands in a directory of its own first and is
 * renamed when it is whole, so an interrupted download leaves nothing that looks complete.
 *
 * @throws {StackError} when Maven is missing or fails
 */
export async function kafkaJars(options: KafkaJarsOptions): Promise<string> {
  const { version, onProgress, signal } = options;
  // Maven takes a relative one for one beside its pom.
  const cacheDirectory = resolve(options.cacheDirectory);
  const pom = kafkaResource("pom.xml");
  // A changed pom is another set of jars.
  const jars = join(cacheDirectory, `kafka-${version}-${await shortHash(pom)}`);
  if (await hasJars(jars)) return jars;

  onProgress?.(`resolving Kafka ${version} with Maven (once, about 45 MB)`);
  await Deno.mkdir(cacheDirectory, { recursive: true });
  await removeLeftovers(cacheDirectory);
  const partial = await Deno.makeTempDir({ dir: cacheDirectory, prefix: partialPrefix });
  try {
    await runMaven(pom, version, partial, signal);
    await Deno.chmod(partial, 0o755);
    await Deno.rename(partial, jars).catch(async (error) => {
      // Another command was quicker: its jars are the same.
      if (!await hasJars(jars)) throw error;
    });
    return jars;
  } finally {
    await Deno.remove(partial, { recursive: true }).catch(() => {});
  }
}

async function runMaven(
  pom: string,
  version: string,
  into: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  let run: Deno.CommandOutput;
  try {
    run = await new Deno.Command("mvn", {
      // Quiet, no questions, and a checksum that does not match is an error.
      args: [
        ...["-q", "-B", "-C", "-f", pom],
        `-Dkafka.version=${version}`,
        `-DoutputDirectory=${into}`,
        "-DincludeScope=runtime",
        "dependency:copy-dependencies",
      ],
      stdin: "null",
      signal,
    }).output();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new StackError(
      `Cannot fetch Kafka ${version}: there is no mvn on the PATH. ${ways()}`,
      { cause },
    );
  }
  signal?.throwIfAborted();
  if (run.success) return;
  const output = new TextDecoder().decode(run.stdout) + new TextDecoder().decode(run.stderr);
  throw new StackError(
    `Cannot fetch Kafka ${version}: Maven failed (exit code ${run.code}). Check the network and Maven's settings, ` +
      `then start again.\n${output.trim().split("\n").slice(-12).join("\n")}`,
  );
}

/** What commands that were killed in the middle have left; another command may be at work in a young one. */
async function removeLeftovers(cacheDirectory: string): Promise<void> {
  for await (const { name } of Deno.readDir(cacheDirectory)) {
    if (!name.startsWith(partialPrefix)) continue;
    const path = join(cacheDirectory, name);
    const { mtime } = await Deno.stat(path).catch(() => ({ mtime: null }));
    if (mtime && Date.now() - mtime.getTime() > leftoverMsMin) {
      await Deno.remove(path, { recursive: true }).catch(() => {});
    }
  }
}

const partialPrefix = "resolving-";
const leftoverMsMin = 60 * 60_000;

async function shortHash(file: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(file));
  return new Uint8Array(digest).slice(0, 4).toHex();
}

/** An empty directory, which an earlier release has left, counts as none: what is renamed to it takes its place. */
async function hasJars(directory: string): Promise<boolean> {
  try {
    for await (const { name } of Deno.readDir(directory)) {
      if (name.endsWith(".jar")) return true;
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return false;
}
