/** What is published: the files that its entry points reach, with packages that anybody's program can resolve. */
import { version } from "../../src/engine/version.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";

const root = new URL("../../", import.meta.url);
const manifest = JSON.parse(await Deno.readTextFile(new URL("deno.json", root))) as {
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
  readonly tasks: Readonly<Record<string, { readonly command: string }>>;
};
const entryPoints = Object.values(manifest.exports).map((path) => path.replace("./", ""));

async function deno(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const output = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  const [stdout = "", stderr = ""] = [output.stdout, output.stderr]
    .map((bytes) => new TextDecoder().decode(bytes));
  assert(output.success, `deno ${args.join(" ")} failed: ${stderr}`);
  return { stdout, stderr };
}

/** The files of ours that the entry points reach. */
async function reached(): Promise<Set<string>> {
  const files = new Set<string>();
  for (const entry of entryPoints) {
    const { modules } = JSON.parse((await deno("info", "--json", entry)).stdout) as {
      modules: { specifier: string }[];
    };
    for (const { specifier } of modules) {
      if (specifier.startsWith(root.href)) files.add(specifier.slice(root.href.length));
    }
  }
  return files;
}

Deno.test("what is published is what the entry points reach, and what a reader needs", async () => {
  const { stderr } = await deno("publish", "--dry-run", "--allow-dirty", "--no-check");
  const published = [...stderr.matchAll(/^ +(file:\/\/\S+) \(/gm)].map(([, url = ""]) =>
    url.slice(root.href.length)
  );
  const expected = new Set(["deno.json", "LICENSE", "README.md", ...await reached()]);
  // A file that no entry point reaches stands in `publish.exclude` of deno.json.
  assertEquals(published.toSorted(), [...expected].toSorted());
});

Deno.test("every entry point's documentation is checked by the gate", () => {
  const { check, ok } = manifest.tasks;
  assertStringIncludes(ok?.command ?? "", "deno task check");
  const [, checked = ""] = check?.command.match(/deno doc --lint ([^&]+)/) ?? [];
  assertEquals(checked.trim().split(" "), entryPoints);
});

Deno.test("the version stands in deno.json alone, and the command line prints it", async () => {
  assertEquals(version, manifest.version);
  const { stdout } = await deno("run", "--no-check", "-P=onceflow", "main.ts", "--version");
  assertEquals(stdout.trim(), manifest.version);
});

/** A specifier behind `from`, `import` or `import.meta.resolve`; none in comments. */
const specifiers =
  /^(?! *(?:\*|\/\*|\/\/)).*?(?:\bfrom |\bimport |\bimport\(|\bresolve\()"([^"\s]+)"/gm;
const packageOf = /^npm:((?:@[^/@]+\/)?[^/@]+)(?:@([^/]+))?/;

Deno.test("each package has its version in one file of the engine, the one of deno.json", async () => {
  const named = new Map<string, Map<string, Set<string>>>();
  for (const file of (await reached()).union(await everyFileOfTheEngine())) {
    if (!file.endsWith(".ts")) continue;
    const text = await Deno.readTextFile(new URL(file, root));
    for (const [, specifier = ""] of text.matchAll(specifiers)) {
      if (/^(?:\.\.?\/|node:)/.test(specifier)) continue;
      const [, name = specifier, version = "no version"] = packageOf.exec(specifier) ?? [];
      const versions = named.get(name) ?? new Map<string, Set<string>>();
      versions.set(version, (versions.get(version) ?? new Set()).add(file));
      named.set(name, versions);
    }
  }
  const wrong: string[] = [];
  for (const [name, versions] of named) {
    const files = new Set([...versions.values()].flatMap((each) => [...each]));
    if (files.size > 1) wrong.push(`${name} is named in ${[...files].join(", ")}`);
    for (const version of versions.keys()) {
      const pinned = manifest.imports[name];
      if (pinned === `npm:${name}@${version}`) continue;
      wrong.push(`${name} is ${version} in ${[...files].join(", ")} and ${pinned} in deno.json`);
    }
  }
  assert(named.has("kafkajs") && named.has("postgres") && named.has("zod"), "they were looked for");
  assertEquals(wrong, []);
});

async function everyFileOfTheEngine(): Promise<Set<string>> {
  const files = new Set<string>();
  const walk = async (directory: string) => {
    for await (const { name, isDirectory } of Deno.readDir(new URL(directory, root))) {
      if (isDirectory) await walk(`${directory}${name}/`);
      else files.add(`${directory}${name}`);
    }
  };
  await walk("src/engine/");
  return files;
}
