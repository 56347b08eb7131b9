/** Copies a directory, for tests that change or move one. */

/** Copies the entries of `from` that `wanted` names, with all below them. A missing `from` is an empty one. */
export async function copy(
  from: string,
  to: string,
  wanted: (name: string) => boolean = () => true,
): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  try {
    for await (const { name, isDirectory } of Deno.readDir(from)) {
      if (!wanted(name)) continue;
      if (isDirectory) await copy(`${from}/${name}`, `${to}/${name}`);
      else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
