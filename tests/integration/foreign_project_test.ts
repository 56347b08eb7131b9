/**
 * The package from outside: an empty project with a `deno.json` and a lock file of its own imports it in each way that
 * README.md names, and runs its own test. Then it runs the README's flow, letter by letter.
 */
import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { jsons, produce, readPartition, record, testClient } from "../support/kafka.ts";
import { ensureTopics } from "../../src/engine/kafka/topics.ts";
import { freshDatabase, root, services } from "../support/services.ts";

const manifest = JSON.parse(await Deno.readTextFile(`${root}deno.json`));
const entryPoints: [name: string, path: string][] = Object.entries<string>(manifest.exports)
  .map(([name, path]) => [name.replace(/^\./, "@onceflow/onceflow"), path.replace(/^\./, "")]);
const brokers = (await services()).kafkaBrokers.join();
const database = await freshDatabase();
const ownVariables = {
  KAFKA_BROKERS: brokers,
  DATABASE_URL: database.url,
  UNIQUE: crypto.randomUUID().slice(0, 8),
};

/** A directory that is deleted afterwards, with all that stands in it. */
async function foreignProject(settings: object, files: Readonly<Record<string, string>>) {
  const directory = await Deno.makeTempDir({ dir: `${root}.onceflow`, prefix: "foreign-" });
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${directory}/${name}`, text);
  }
  await Deno.writeTextFile(`${directory}/deno.json`, JSON.stringify(settings));
  return {
    directory,
    deno: (...args: string[]) =>
      new Deno.Command(Deno.execPath(), {
        args,
        cwd: directory,
        env: { ...ownVariables, NO_COLOR: "1", NO_PROXY: "127.0.0.1" },
        stdout: "piped",
        stderr: "piped",
      }),
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

/** The checkout on a port of its own, as any web host would serve it. */
function webHost() {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    // Where a published file may stand, and nowhere else.
    if (!/^\/(?:deno\.json|src\/engine\/[\w./]+\.ts)$/.test(pathname)) {
      return new Response("not published", { status: 404 });
    }
    const type = pathname.endsWith(".json") ? "application/json" : "application/typescript";
    const text = await Deno.readTextFile(fileURLToPath(new URL(`.${pathname}`, `file://${root}`)));
    return new Response(text, { headers: { "content-type": type } });
  });
  const host = `127.0.0.1:${server.addr.port}`;
  return {
    host,
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      // Deno keeps what it has fetched, by address; nobody will ask for this one again.
      const kept = `127.0.0.1_PORT${server.addr.port}`;
      await new Deno.Command(Deno.execPath(), {
        args: ["eval", forget, kept],
        stdout: "null",
        stderr: "null",
      }).output();
    },
  };
}

const forget = `
  const { modulesCache, typescriptCache } = JSON.parse(new TextDecoder().decode(
    new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).outputSync().stdout
  ));
  for (const cache of [modulesCache, typescriptCache]) {
    try { Deno.removeSync(cache + "/http/" + Deno.args[0], { recursive: true }); } catch {}
  }
`;

const names = ["labels_test.ts", "shipping_test.ts", "shipping.ts", "shipping_worker.ts"] as const;
const [labels = "", ...shipping] = await Promise.all(
  names.map((name) => Deno.readTextFile(`${root}tests/foreign/${name}`)),
);
const flows = { "labels_test.ts": labels };
const tables = Object.fromEntries(names.slice(1).map((name, at) => [name, shipping[at] ?? ""]));
const { kafkajs, postgres, zod } = manifest.imports;
const packages = { kafkajs, postgres, zod };

function importsFrom(base: string): Record<string, string> {
  return {
    ...Object.fromEntries(entryPoints.map(([name, path]) => [name, `${base}${path}`])),
    ...packages,
  };
}

async function passesItsOwnTests(
  settings: object,
  files: Readonly<Record<string, string>>,
  ...flags: string[]
): Promise<void> {
  await using project = await foreignProject(settings, files);
  const { code, stdout, stderr } = await project.deno(
    ...["test", "--no-prompt", "--allow-net=127.0.0.1", "--allow-env", ...flags],
  ).output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assertEquals(code, 0, said);
  assertStringIncludes(
    said,
    `${Object.keys(files).filter((name) => /_test/.test(name)).length} passed`,
  );
  assertStringIncludes(await Deno.readTextFile(`${project.directory}/deno.lock`), "kafkajs@2.2.4");
}

/** As a project with a checkout beside it; npm packages come from Deno's own cache. All of it is checked for its types. */
const byPath = () => passesItsOwnTests({ imports: importsFrom("../..") }, { ...flows, ...tables });

/** As from JSR, with the checkout in the place of what is there; npm packages stand in the project. */
const byLink = () => {
  const onceflow = { "@onceflow/onceflow": `jsr:@onceflow/onceflow@^${manifest.version}` };
  const imports = { ...onceflow, ...packages };
  const settings = { imports, links: ["../.."], nodeModulesDir: "auto" };
  return passesItsOwnTests(settings, flows);
};

const readme = await Deno.readTextFile(`${root}README.md`);
const flowsPage = await Deno.readTextFile(`${root}src/flows.md`);
const section = readme.slice(readme.indexOf("## Write a flow"));
const block = (language: string) =>
  section.match(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "ms"))?.[1] ?? "";

Deno.test("a foreign project imports it by path, from JSR and over http, and its own test passes", async () => {
  await using web = webHost();
  const settings = { imports: importsFrom(`http://${web.host}`) };
  const flags = [`--allow-import=${web.host}`];
  await using _database = database;
  // Its background program, with the permissions that src/flows.md lists, beside its tests.
  await using project = await foreignProject(settings, tables);
  await using worker = project.deno(
    ...["run", "--no-prompt", ...flags, ...permissionsOf("outbox", "projection")],
    "shipping_worker.ts",
  ).spawn();
  const said = new Response(worker.stderr).text();
  const ended = worker.status.then(async ({ code }) => assertEquals(code, 0, await said));
  await Promise.race([
    Promise.all([byPath(), byLink(), passesItsOwnTests(settings, flows, ...flags)]),
    ended.then(() => assert(false, "its program ended before its tests")),
  ]);
  await new Deno.Command("/bin/kill", { args: ["-TERM", String(worker.pid)] }).output();
  await worker.stdout.cancel();
  await ended;
});

/** Those of the table in src/flows.md, with the variables that the project reads itself. */
function permissionsOf(...entries: string[]): string[] {
  const own = Object.keys(ownVariables).join();
  const found = entries.map((entry) => {
    const row = flowsPage.split("\n").find((line) => line.includes(`onceflow/${entry}\``)) ?? "";
    return row.match(/--allow-env='([^']+)'/)?.[1] ?? "";
  });
  assert(found.every((variables) => variables !== ""), `${found}`);
  return ["--allow-net=127.0.0.1", `--allow-env=${[own, ...found].join()}`];
}

Deno.test("the flow of the README runs as it stands there, in a project that fetches onceflow", async () => {
  await using web = webHost();
  const client = await testClient();
  const id = crypto.randomUUID();
  const [parcels, labels, buried] = ["parcels", "labels", "parcels.labelling.DLQ"] as const;
  /** A stack that was up before may have these topics, with as many partitions as the flow makes them. */
  const partitionsOf = async (topic: string) =>
    (await ensureTopics(client, [{ topic, partitions: 1, replicationFactor: 1 }])).get(topic) ?? 0;
  for (const topic of [parcels, labels]) await partitionsOf(topic);
  const [command = "", ...args] = block("sh").trim().replaceAll("'", "").split(" ");
  assertEquals(command, "deno");
  await using project = await foreignProject(
    { imports: importsFrom(`http://${web.host}`) },
    { "main.ts": block("ts") },
  );
  await using child = project.deno(
    ...["run", "--no-prompt", `--allow-import=${web.host}`, ...args.slice(1)],
  ).spawn();
  const said = new Response(child.stderr).text();
  await produce(client, [
    record(parcels, 0, id, { parcel_id: id, items: 2 }),
    record(parcels, 0, id, { parcel_id: id, items: 0 }),
  ]);
  const written = async (topic: string) => {
    const partitions = Array.from({ length: await partitionsOf(topic) }, (_, n) => n);
    const records = await Promise.all(partitions.map((n) => readPartition(client, topic, n)));
    return jsons(records.flat()).filter(({ parcel_id }) => parcel_id === id);
  };
  const until = performance.now() + 60_000;
  while ((await written(labels)).length === 0 && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await new Deno.Command("/bin/kill", { args: ["-TERM", String(child.pid)] }).output();
  const { code } = await child.status;
  await child.stdout.cancel();
  assertEquals(code, 0, await said);
  assertEquals(await written(labels), [{ parcel_id: id, weight_g: 500 }], await said);
  assertEquals(await written(buried), [{ parcel_id: id, items: 0 }]);
  assert(/onceflow\.labelling/.test(await said), "it says what it does");
});
