/** A record that kills the process whenever it is processed: it becomes a dead letter, and the rest goes on. */
import { fileURLToPath } from "node:url";
import { headerText } from "../../src/engine/core/record.ts";
import { assertEquals } from "../support/assert.ts";
import {
  freshTopics,
  jsons,
  produce,
  readPartition,
  record,
  testClient,
} from "../support/kafka.ts";
import { services } from "../support/services.ts";

const child = fileURLToPath(new URL("../support/crashing_lane.ts", import.meta.url));
const startsMax = 12;

Deno.test("a record that kills the process becomes a dead letter after some crashes", async () => {
  const client = await testClient();
  const { kafkaBrokers } = await services();
  const [source = "", target = ""] = await freshTopics(client, 1, "crash", "survivors");
  const [dlq = ""] = await freshTopics(client, 1, "dead");
  const ids = ["a", "b", "killer", "c"];
  await produce(client, ids.map((id) => record(source, 0, id, { id })));

  let starts = 0;
  for (let code = -1; code !== 0; starts++) {
    if (starts >= startsMax) throw new Error(`still crashing after ${starts} starts`);
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", child, kafkaBrokers.join(","), source, target, dlq],
      stderr: "inherit",
    });
    ({ code } = await process.output());
  }

  assertEquals(jsons(await readPartition(client, target)).map(({ id }) => id), ["a", "b", "c"]);
  const dead = await readPartition(client, dlq);
  assertEquals(jsons(dead), [{ id: "killer" }]);
  assertEquals(headerText(dead[0]?.headers ?? [], "x-error-class"), "CrashLoopError");
});
