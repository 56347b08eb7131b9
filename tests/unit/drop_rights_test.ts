/** `serve` and `worker` give up what only starting the embedded stack takes, and nothing that they need. */
import { assertEquals } from "../support/assert.ts";

const root = new URL("../../", import.meta.url);

/** Run in a process of its own, with the permissions of the tasks: what is given up does not come back. */
const program = `
import { dropRights, mayRunStack } from "./src/tools/drop_rights.ts";
const state = async (descriptor) => (await Deno.permissions.query(descriptor)).state === "granted";
const rights = async () => ({
  stack: await mayRunStack(),
  kill: await state({ name: "run", command: "/bin/kill" }),
  write: await state({ name: "write", path: ".onceflow" }),
  docker: await state({ name: "read", path: "/var/run/docker.sock" }),
  files: await state({ name: "read", path: "deno.json" }),
  net: await state({ name: "net" }),
  env: await state({ name: "env", variable: "KAFKA_BROKERS" }),
});
const before = await rights();
await dropRights();
console.log(JSON.stringify([before, await rights()]));
`;

async function rightsUnder(set: string) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--no-check", `-P=${set}`, "-"],
    cwd: root,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(program));
  await input.close();
  const { stdout } = await child.output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

const needed = { files: true, net: true, env: true };
const least = { stack: false, kill: false, write: false, docker: false, ...needed };

Deno.test("what only the embedded stack takes is given up for good, and all else stays", async () => {
  const [before, after] = await rightsUnder("onceflow");
  assertEquals(before, { stack: true, kill: true, write: true, docker: true, ...needed });
  assertEquals(after, least);
});

Deno.test("the sets of the roles never have it", async () => {
  for (const set of ["serve", "worker"]) assertEquals(await rightsUnder(set), [least, least], set);
});
