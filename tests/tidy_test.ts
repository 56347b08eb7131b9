/** The house rules that a machine can hold: who imports whom, who reads the environment, how a file opens. */
import { assertEquals } from "./support/assert.ts";

const root = new URL("../", import.meta.url);

/** What a room may import of ours. `compose`, `commands`, `torture` and `bench` know every room. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  core: [],
  kafka: ["core"],
  postgres: ["core"],
  stack: [],
  observe: ["core"],
  outbox: ["core", "postgres"],
  projection: ["core", "postgres"],
  dead_letters: ["core", "kafka", "postgres"],
  verify: ["core", "outbox", "postgres"],
  orders: ["core", "outbox", "postgres", "projection"],
  http: ["core", "orders", "postgres"],
  dashboard: ["core", "orders", "outbox", "postgres"],
  demo: ["core", "orders"],
};

/** Packages that one room alone may import. */
const owners: Readonly<Record<string, string>> = { kafkajs: "kafka", postgres: "postgres" };

interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly specifier: string;
    readonly code?: { readonly specifier: string };
    readonly type?: { readonly specifier: string };
  }[];
}

async function modules(): Promise<readonly Module[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "main.ts"],
    cwd: root,
    stderr: "null",
  }).output();
  const info = JSON.parse(new TextDecoder().decode(stdout)) as { modules: Module[] };
  return info.modules.filter(({ specifier }) => specifier.startsWith(`${root}src/`));
}

function roomOf(specifier: string): string | undefined {
  return specifier.startsWith(`${root}src/`)
    ? specifier.slice(`${root}src/`.length).split("/")[0]
    : undefined;
}

Deno.test("imports point only where they must", async () => {
  const wrong: string[] = [];
  for (const { specifier, dependencies = [] } of await modules()) {
    const room = roomOf(specifier) ?? "";
    for (const dependency of dependencies) {
      const target = dependency.code?.specifier ?? dependency.type?.specifier ?? "";
      const targetRoom = roomOf(target);
      const allowed = arrows[room];
      const inside = targetRoom === undefined || targetRoom === room;
      if (!inside && allowed && !allowed.includes(targetRoom)) {
        wrong.push(`${specifier.slice(root.href.length)} imports ${targetRoom}`);
      }
      const owner = owners[dependency.specifier.split("/")[0] ?? ""];
      if (owner && owner !== room) {
        wrong.push(`${specifier.slice(root.href.length)} imports ${dependency.specifier}`);
      }
    }
  }
  assertEquals(wrong, []);
});

async function* sources(directory: URL): AsyncGenerator<URL> {
  for await (const entry of Deno.readDir(directory)) {
    const url = new URL(`${entry.name}${entry.isDirectory ? "/" : ""}`, directory);
    if (entry.isDirectory) yield* sources(url);
    else if (entry.name.endsWith(".ts")) yield url;
  }
}

/** The second one reads no setting: it hands `PATH` and the like on to the processes that it starts. */
const environmentReaders = ["src/config.ts", "src/tools/torture/torture_environment.ts"];

Deno.test("only config.ts reads the environment", async () => {
  const readers: string[] = [];
  for await (const url of sources(new URL("src/", root))) {
    if (environmentReaders.includes(url.href.slice(root.href.length))) continue;
    const text = await Deno.readTextFile(url);
    if (/\bDeno\.env\b|\bprocess\.env\b/.test(text)) readers.push(url.href.slice(root.href.length));
  }
  assertEquals(readers, []);
});

Deno.test("every file opens with a sentence about what it owns", async () => {
  const bare: string[] = [];
  for await (const url of sources(new URL("src/", root))) {
    const text = await Deno.readTextFile(url);
    if (!text.startsWith("/**")) bare.push(url.href.slice(root.href.length));
  }
  assertEquals(bare, []);
});

/** Past this a file has a second idea in it. */
const linesMax = 250;

Deno.test(`no file of src is longer than ${linesMax} lines`, async () => {
  const long: string[] = [];
  for await (const url of sources(new URL("src/", root))) {
    const lines = (await Deno.readTextFile(url)).split("\n").length - 1;
    if (lines > linesMax) long.push(`${url.href.slice(root.href.length)}: ${lines}`);
  }
  assertEquals(long, []);
});
