/** Writes a project that uses onceflow: a flow, its test, and what it needs to run. Never overwrites a file. */
import { basename, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** What is used of onceflow's own deno.json. */
interface Manifest {
  readonly exports: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
}

/** Topics, groups and the compose project are named after it. */
const namePattern = /^[a-z][a-z0-9-]{0,40}$/;
const templates = ["flow.ts", "flow_test.ts", "main.ts", "README.md"] as const;
const checkout = fileURLToPath(new URL("../../../", import.meta.url));
const utf8 = new TextDecoder();

/** The entry points that the project imports. */
const entryPoints = [".", "./observe", "./testing"] as const;

/** A name or directory that cannot be used, in words. */
export class NewProjectError extends Error {
  override name = "NewProjectError";
}

/**
 * Makes the directory and answers with its path and the files in it. A name without a slash is made beside the checkout.
 *
 * @throws {NewProjectError} when the name cannot be one of a topic, or there is something at that place
 */
export async function newProject(
  place: string,
): Promise<{ readonly directory: string; readonly files: readonly string[] }> {
  const directory = place.includes("/") ? resolve(place) : resolve(checkout, "..", place);
  const name = basename(directory);
  if (!namePattern.test(name)) {
    throw new NewProjectError(
      `Cannot name a project "${name}": use small letters, digits and "-", a letter first, at most 41.`,
    );
  }
  const manifest: Manifest = JSON.parse(await read("deno.json"));
  const files: [string, string][] = [
    ["deno.json", settingsOf(manifest, directory)],
    ["docker-compose.yml", composeOf(name, await read("docker-compose.yml"))],
  ];
  for (const file of templates) {
    const text = await read(`src/tools/new_project/template/${file}`);
    files.push([file, text.replaceAll("PROJECT", name)]);
  }
  await makeEmpty(directory);
  for (const [file, text] of files) await Deno.writeTextFile(join(directory, file), text);
  return { directory, files: files.map(([file]) => file) };
}

async function read(file: string): Promise<string> {
  return utf8.decode(await Deno.readFile(join(checkout, file)));
}

async function makeEmpty(directory: string): Promise<void> {
  await Deno.mkdir(directory, { recursive: true });
  for await (const _entry of Deno.readDir(directory)) {
    throw new NewProjectError(`${directory} is not empty: nothing was written.`);
  }
}

/** By path to this checkout; src/flows.md says how else onceflow can be imported. */
function settingsOf({ exports, imports }: Manifest, directory: string): string {
  const path = (file: string) => relative(directory, join(checkout, file)).replaceAll("\\", "/");
  const own = entryPoints.map((entry) => [
    `@onceflow/onceflow${entry.slice(1)}`,
    path(exports[entry] ?? ""),
  ]);
  const settings = {
    tasks: {
      test: "deno test --no-prompt",
      start:
        "deno run --no-prompt --allow-net --allow-env='KAFKA_BROKERS,NODE_ENV,KAFKAJS_*' main.ts",
    },
    imports: { ...Object.fromEntries(own), zod: imports.zod },
    compilerOptions: { noUncheckedIndexedAccess: true },
  };
  return `${JSON.stringify(settings, null, 2)}\n`;
}

/** The Kafka of onceflow's own compose file, by itself. */
function composeOf(name: string, compose: string): string {
  const kafka = compose.match(/^ {2}kafka:\n(?: {4}.*\n|\n)+/m)?.[0];
  if (!kafka) throw new Error("docker-compose.yml has no service kafka");
  const volume = compose.match(/^volumes:\n(?: {2}.*\n?)+/m)?.[0] ?? "";
  const own = volume.split("\n").filter((line) => /^volumes:|kafka/.test(line)).join("\n");
  return `name: ${name}\n\nservices:\n${kafka.trimEnd()}\n${own ? `\n${own}\n` : ""}`;
}
