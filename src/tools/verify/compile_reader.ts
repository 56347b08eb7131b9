/** Compiles the independent reader once for each version of its source. Never runs it. */

/** Where Java's tools and the Kafka client's jars are. */
export interface ReaderTools {
  /** The directory that holds `kafka-clients` and what it needs. */
  readonly jarsDir: string;
  /** Where compiled classes may be kept, normally `.onceflow/verify`. */
  readonly cacheDir: string;
  readonly java?: string;
  readonly javac?: string;
}

/** Something that the command needs is missing or cannot be reached: exit status 2. */
export class UnreachableError extends Error {
  override name = "UnreachableError";
}

const source = new URL("./reader/LogReader.java", import.meta.url);

/**
 * The class path that runs `LogReader`, compiling it first when this version of the source has not been compiled.
 *
 * @throws {UnreachableError} when there is no Java compiler, saying what to install
 */
export async function compileReader(tools: ReaderTools, signal: AbortSignal): Promise<string> {
  const text = await Deno.readFile(source);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", text)).toHex().slice(0, 16);
  const classes = `${tools.cacheDir}/reader-${digest}`;
  const classPath = `${classes}:${tools.jarsDir}/*`;
  if (await exists(`${classes}/LogReader.class`)) return classPath;
  await Deno.mkdir(tools.cacheDir, { recursive: true });
  // Into a folder of its own first: two commands may compile at the same moment, and a half-written one must not be found.
  const fresh = await Deno.makeTempDir({ dir: tools.cacheDir, prefix: "compile-" });
  try {
    await javac(tools, fresh, signal);
    await Deno.rename(fresh, classes).catch(async (error) => {
      if (!await exists(`${classes}/LogReader.class`)) throw error;
    });
  } finally {
    await Deno.remove(fresh, { recursive: true }).catch(() => undefined);
  }
  return classPath;
}

async function javac(tools: ReaderTools, directory: string, signal: AbortSignal): Promise<void> {
  const program = tools.javac ?? "javac";
  const args = ["-cp", `${tools.jarsDir}/*`, "-d", directory, decodeURIComponent(source.pathname)];
  let result: Deno.CommandOutput;
  try {
    result = await new Deno.Command(program, { args, signal }).output();
  } catch (error) {
    throw new UnreachableError(
      `Cannot build the independent log reader: ${program} did not start. Install a JDK 17 or later ` +
        "(for example the package openjdk-17-jdk-headless) and run this again.",
      { cause: error },
    );
  }
  if (result.success) return;
  throw new UnreachableError(
    `Cannot build the independent log reader against the jars in ${tools.jarsDir}:\n` +
      new TextDecoder().decode(result.stderr).trim(),
  );
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
