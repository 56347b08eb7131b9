/** The list of kafkajs's parts is what is loaded, in a program that does nothing else. */
import * as parts from "../../src/engine/kafka/vendor_parts.ts";
import { assertEquals } from "../support/assert.ts";

const loadAll = `
  import { createRequire } from "node:module";
  import { installPatches } from "./src/engine/kafka/patches/install_patches.ts";
  import { part } from "./src/engine/kafka/vendor_copy.ts";
  import { createKafkaClient } from "./src/engine/kafka/kafka_client.ts";
  import { copiedBeside, patched, replaced, used } from "./src/engine/kafka/vendor_parts.ts";
  installPatches();
  const { cache } = createRequire(import.meta.resolve("kafkajs/package.json"));
  createKafkaClient({ brokers: ["127.0.0.1:1"], clientId: "t", ssl: false }).cluster();
  for (const path of [replaced, patched, copiedBeside, used].flatMap(Object.keys)) part(path);
  const shared = Object.keys(cache).flatMap((file) => file.split("kafkajs/src/")[1] ?? []);
  console.log(JSON.stringify(shared));
`;

Deno.test("every module of kafkajs that is loaded is listed, and everything that is listed is loaded", async () => {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", loadAll],
    cwd: new URL("../../", import.meta.url),
  }).output();
  const shared: string[] = JSON.parse(
    new TextDecoder().decode(stdout) || JSON.stringify(new TextDecoder().decode(stderr)),
  );
  const listed = [parts.used, parts.broughtAlong].flatMap(Object.keys);
  const covers = (path: string, file: string) => path.endsWith("/") && file.startsWith(path);
  const stranger = shared.filter((file) =>
    !listed.some((path) => path === file || covers(path, file))
  );
  assertEquals(stranger, [], "loaded and not listed");
  const idle = listed.filter((path) => !shared.some((file) => path === file || covers(path, file)));
  assertEquals(idle, [], "listed and not loaded");
  assertEquals(shared.filter((file) => parts.copied.includes(file)), [], "ours alone");
});
