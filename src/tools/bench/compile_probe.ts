/** Compiles the benchmark's Java probe once for each version of its source. Never runs it. */
import { fileURLToPath } from "node:url";

const source = new URL("./probe/BenchProbe.java", import.meta.url);

/**
 * The class path that runs `BenchProbe`; compiled classes are kept below `cacheDirectory`.
 *
 * @throws when there is no Java compiler, or the source does not fit the jars
 */
export async function compileProbe(
  { jars, cacheDirectory }: { readonly jars: string; readonly cacheDirectory: string },
  signal: AbortSignal,
): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(source));
  const classes = `${cacheDirectory}/probe-${new Uint8Array(digest).toHex().slice(0, 12)}`;
  const classPath = `${classes}:${jars}/*`;
  if (await exists(`${classes}/BenchProbe.class`)) return classPath;
  await Deno.mkdir(cacheDirectory, { recursive: true });
  // Under another name first: a half-written class must not be found by another command.
  const fresh = await Deno.makeTempDir({ dir: cacheDirectory, prefix: "compile-" });
  try {
    const args = ["-cp", `${jars}/*`, "-d", fresh, fileURLToPath(source)];
    const { success, stderr } = await new Deno.Command("javac", { args, signal }).output();
    if (!success) {
      throw new Error(
        `Cannot compile the benchmark's probe:\n${new TextDecoder().decode(stderr).trim()}`,
      );
    }
    await Deno.rename(fresh, classes).catch(async (error) => {
      if (!await exists(`${classes}/BenchProbe.class`)) throw error;
    });
  } finally {
    await Deno.remove(fresh, { recursive: true }).catch(() => {});
  }
  return classPath;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
