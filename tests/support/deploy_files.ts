/** What tests of the files in src/deploy hold them against: the manifest, and how a container runs a task. */

/** The checkout. */
export const root = new URL("../../", import.meta.url);

/** Text of a file, by its path in the checkout. */
export const readRepoFile = (path: string) => Deno.readTextFile(new URL(path, root));

/** deno.json, as far as it is asked here. */
export const manifest = JSON.parse(await readRepoFile("deno.json")) as {
  readonly version: string;
  readonly imports: Readonly<Record<string, string>>;
  readonly tasks: Readonly<Record<string, { readonly command: string }>>;
};

const roles = ["serve", "worker"];

/** How a container runs a task: as deno.json says, from what the image brought with it and nothing else. */
export function containerCommand(task: string): readonly string[] {
  const words = (manifest.tasks[task]?.command ?? "").split(" ").filter((word) =>
    word !== "--frozen"
  );
  const at = words.findIndex((word) => word.startsWith("-P"));
  // A container has services of its own: what the task gives up then it does not begin with.
  const set = roles.includes(task) ? `-P=${task}` : words[at] ?? "";
  return [...words.slice(0, at), "--frozen", "--cached-only", set, ...words.slice(at + 1)];
}
