/** The house rules that a machine can hold: who imports whom, who reads the environment, how a file opens. */
import { assertEquals } from "./support/assert.ts";

const root = new URL("../", import.meta.url);

/** The floors, from the street to the cellar: a file imports from its own and from those below. */
const floors = ["cli", "tools", "app", "config.ts", "config", "engine"];

/** What a room may import of ours beside itself: rooms of its own floor, and what stands here of those below. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  "engine/packages": [],
  "engine/core": ["engine/packages"],
  "engine/kafka": ["engine/core", "engine/packages"],
  "engine/postgres": ["engine/core", "engine/packages"],
  "engine/observe": ["engine/core", "engine/packages"],
  "engine/outbox": [
    ...["engine/core", "engine/flow", "engine/kafka", "engine/observe"],
    ...["engine/packages", "engine/postgres"],
  ],
  "engine/projection": [
    ...["engine/core", "engine/flow", "engine/kafka", "engine/observe"],
    ...["engine/packages", "engine/postgres"],
  ],
  "engine/dead_letters": ["engine/core", "engine/kafka", "engine/observe", "engine/packages"],
  "engine/state": ["engine/core", "engine/kafka", "engine/dead_letters"],
  "engine/testing": ["engine/core", "engine/dead_letters", "engine/packages", "engine/state"],
  "engine/flow": [
    "engine/core",
    "engine/kafka",
    "engine/dead_letters",
    "engine/state",
    "engine/observe",
    "engine/packages",
  ],
  engine: ["engine/core", "engine/kafka", "engine/flow"],
  "app/orders": [
    ...["engine", "engine/dead_letters", "engine/outbox", "engine/postgres", "engine/projection"],
  ],
  "app/audit": ["engine/postgres"],
  "app/privacy": [
    "app/orders",
    "engine/core",
    "engine/dead_letters",
    "engine/kafka",
    "engine/postgres",
  ],
  "app/http": ["app/orders", "config", "engine/core", "engine/observe", "engine/postgres"],
  "app/operate": [
    ...["app/audit", "app/http", "config", "engine/core", "engine/dead_letters"],
    "engine/projection",
  ],
  "app/dashboard": [
    ...["app/orders", "engine/core", "engine/dead_letters", "engine/outbox", "engine/postgres"],
  ],
  "tools/stack": [],
  "tools/verify": ["engine/core", "engine/outbox", "engine/postgres"],
};

/** Packages that one room alone may import. */
const owners: Readonly<Record<string, string>> = {
  kafkajs: "engine/kafka",
  postgres: "engine/postgres",
};

/** `kafkajs` of `kafkajs/src/index.js`, and of `npm:kafkajs@2.2.4/package.json`. */
const packageOf = (specifier: string) =>
  specifier.replace(/^npm:/, "").match(/^(?:@[^/]+\/)?[^/@]+/)?.[0] ?? "";

interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly specifier: string;
    readonly code?: { readonly specifier: string };
    readonly type?: { readonly specifier: string };
  }[];
}

/** What the program loads, and what tests of others do. */
async function modules(): Promise<readonly Module[]> {
  const found = new Map<string, Module>();
  for (const start of ["main.ts", "src/engine/testing/mod.ts"]) {
    for (const module of await modulesOf(start)) found.set(module.specifier, module);
  }
  return [...found.values()];
}

async function modulesOf(start: string): Promise<readonly Module[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", start],
    cwd: root,
    stderr: "null",
  }).output();
  const info = JSON.parse(new TextDecoder().decode(stdout)) as { modules: Module[] };
  return info.modules.filter(({ specifier }) => specifier.startsWith(`${root}src/`));
}

Deno.test("tests of flows load nothing of Kafka or Postgres", async () => {
  const rooms = new Set(
    (await modulesOf("src/engine/testing/mod.ts")).map(({ specifier }) => roomOf(specifier)),
  );
  const expected = ["core", "dead_letters", "packages", "state", "testing"]
    .map((room) => `engine/${room}`);
  assertEquals([...rooms].toSorted(), expected);
});

Deno.test("tests of flows use nothing of Deno's own", async () => {
  const users: string[] = [];
  for (const { specifier } of await modulesOf("src/engine/testing/mod.ts")) {
    const source = await Deno.readTextFile(new URL(specifier));
    const code = source.replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, "");
    if (/\bDeno\./.test(code)) users.push(specifier.slice(root.href.length));
  }
  assertEquals(users, []);
});

/** `engine/core` of `src/engine/core/lane.ts`; a floor of one room, and a file beside the rooms, by the floor's name. */
function roomOf(specifier: string): string | undefined {
  if (!specifier.startsWith(`${root}src/`)) return undefined;
  const [floor = "", room, ...rest] = specifier.slice(`${root}src/`.length).split("/");
  return rest.length > 0 ? `${floor}/${room}` : floor;
}

const floorOf = (room: string) => floors.indexOf(room.split("/")[0] ?? "");

/** Why a file of one room may not import from the other. */
function objection(room: string, target: string): string | undefined {
  if (target === room) return undefined;
  if (floorOf(target) < floorOf(room)) return `imports ${target}, which is of a floor above`;
  const allowed = arrows[room];
  return allowed && !allowed.includes(target) ? `imports ${target}` : undefined;
}

/** How the application reaches Postgres, of which its pool is; and the key's shard, which place_order.ts says why it needs. */
const besideEntryPoints = /^src\/engine\/postgres\/|^src\/engine\/outbox\/shard_of\.ts$/;

Deno.test("orders, invoices and views are written on the engine's entry points", async () => {
  const wrong: string[] = [];
  for (const { specifier, dependencies = [] } of await modules()) {
    const file = specifier.slice(root.href.length);
    if (!file.startsWith("src/app/orders/")) continue;
    for (const { code, type } of dependencies) {
      const target = (code ?? type)?.specifier.slice(root.href.length) ?? "";
      if (!target.startsWith("src/engine/") || target.endsWith("/mod.ts")) continue;
      if (!besideEntryPoints.test(target)) wrong.push(`${file} imports ${target}`);
    }
  }
  assertEquals(wrong, []);
});

Deno.test("examples import the engine by its entry points alone", async () => {
  const wrong: string[] = [];
  for await (const { name, isFile } of Deno.readDir(new URL("tests/example/", root))) {
    if (!isFile) continue;
    const text = await Deno.readTextFile(new URL(`tests/example/${name}`, root));
    for (const [, target = ""] of text.matchAll(/"(?:\.\.\/)+(src\/engine\/[^"]+)"/g)) {
      if (!target.endsWith("/mod.ts")) wrong.push(`${name} imports ${target}`);
    }
  }
  assertEquals(wrong, []);
});

Deno.test("imports point only where they must", async () => {
  const wrong: string[] = [];
  for (const { specifier, dependencies = [] } of await modules()) {
    const room = roomOf(specifier) ?? "";
    const file = specifier.slice(root.href.length);
    if (floorOf(room) < 0) wrong.push(`${file} is of no floor`);
    for (const dependency of dependencies) {
      const target = roomOf(dependency.code?.specifier ?? dependency.type?.specifier ?? "");
      const found = target === undefined ? undefined : objection(room, target);
      if (found) wrong.push(`${file} ${found}`);
      const owner = owners[packageOf(dependency.specifier)];
      if (owner && owner !== room) wrong.push(`${file} imports ${dependency.specifier}`);
    }
  }
  assertEquals(wrong, []);
});

/** The files on the way back to one that is looked at already; undefined where no way leads back. */
function circleFrom(
  file: string,
  imports: ReadonlyMap<string, readonly string[]>,
  path: string[],
  done: Set<string>,
): readonly string[] | undefined {
  if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
  if (done.has(file)) return undefined;
  path.push(file);
  for (const next of imports.get(file) ?? []) {
    const circle = circleFrom(next, imports, path, done);
    if (circle) return circle;
  }
  path.pop();
  done.add(file);
}

Deno.test("no files import each other in a circle, not even for types", async () => {
  const imports = new Map((await modules()).map(({ specifier, dependencies = [] }) => [
    specifier,
    dependencies.map(({ code, type }) => (code ?? type)?.specifier ?? ""),
  ]));
  const done = new Set<string>();
  const circles = [...imports.keys()].flatMap((file) => {
    const circle = circleFrom(file, imports, [], done);
    return circle ? [circle.map((name) => name.slice(root.href.length)).join(" -> ")] : [];
  });
  assertEquals(circles, []);
});

async function* sources(directory: URL): AsyncGenerator<URL> {
  for await (const entry of Deno.readDir(directory)) {
    const url = new URL(`${entry.name}${entry.isDirectory ? "/" : ""}`, directory);
    if (entry.isDirectory) yield* sources(url);
    else if (entry.name.endsWith(".ts")) yield url;
  }
}

/** The second one reads no setting: it hands `PATH` and the like on to the processes that it starts. */
const environmentReaders = [
  "src/config.ts",
  "src/tools/torture/torture_environment.ts",
  // Part of no program of ours: it is written into a new project.
  "src/tools/new_project/template/main.ts",
];

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

/** What is between backticks. */
const quoted = (text: string) => [...text.matchAll(/`([^`\n]+)`/g)].map(([, word = ""]) => word);

Deno.test("files and tests that src/README.md names are there, and those of the journeys are run", async () => {
  const map = await Deno.readTextFile(new URL("src/README.md", root));
  const files: string[] = [];
  for (const folder of ["src/", "tests/"]) {
    for await (const url of sources(new URL(folder, root))) files.push(url.href);
  }
  const isThere = (name: string) => files.some((file) => file.endsWith(`/${name}`));
  const named = quoted(map).filter((word) => /^[\w/]+(\.ts|_test)$/.test(word));
  assertEquals(
    named.filter((name) => !isThere(name.endsWith(".ts") ? name : `${name}.ts`)),
    [],
  );
  const journeys = map.slice(map.indexOf("## The journey"), map.indexOf("## Words"));
  const program = new Set((await modules()).map(({ specifier }) => specifier));
  const passed = quoted(journeys).filter((word) =>
    word.endsWith(".ts") && !word.startsWith("tests/")
  );
  assertEquals(passed.length > 30, true);
  assertEquals(passed.filter((name) => !program.has(`${root}src/${name}`)), []);
});

Deno.test("no comment cites a page that is not in the repository", async () => {
  const cited: string[] = [];
  for await (const url of sources(new URL("src/", root))) {
    for (const [name] of (await Deno.readTextFile(url)).matchAll(/[A-Za-z_/]+\.md\b/g)) {
      const isThere = await Deno.stat(new URL(name, root)).then(() => true, () => false);
      if (!isThere) cited.push(`${url.href.slice(root.href.length)}: ${name}`);
    }
  }
  assertEquals(cited, []);
});
