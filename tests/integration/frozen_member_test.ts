/** A process that is frozen for longer than its session, in the middle of a transaction, and continued. */
import { runFlow } from "../../src/engine/flow/run_flow.ts";
import { describeGroup } from "../../src/engine/kafka/describe_group.ts";
import { withCluster } from "../../src/engine/kafka/group_standing.ts";
import { waitFor } from "../../src/tools/stack/wait.ts";
import { assertEquals } from "../support/assert.ts";
import { inTime } from "../support/in_time.ts";
import {
  freshTopics,
  jsons,
  produce,
  readPartition,
  record,
  testClient,
} from "../support/kafka.ts";
import { copyFlow } from "../support/copy_flow.ts";

/** How long the group waits for a silent member, milliseconds. */
const sessionTimeoutMs = 2_000;

Deno.test("a member that was frozen for longer than its session does nothing twice and comes back", async () => {
  const client = await testClient();
  const [source = "", outTopic = ""] = await freshTopics(client, 2, "frozen", "out");
  const flow = copyFlow(source, outTopic);
  const ids = Array.from({ length: 20 }, (_, index) => `k${index}`);
  await produce(client, ids.map((id, index) => record(source, index % 2, id, { id })));
  const child = new Deno.Command("deno", {
    args: [
      ...["run", "--quiet", "--no-check", "--allow-net=127.0.0.1", "--allow-read", "--allow-env"],
      ...["--allow-sys", "tests/integration/frozen_member_process.ts"],
      ...[client.settings.brokers[0] ?? "", source, outTopic, String(sessionTimeoutMs)],
    ],
    cwd: new URL("../../", import.meta.url),
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  child.kill("SIGSTOP");

  const stop = new AbortController();
  const taken = Promise.withResolvers<void>();
  const finished = new Set<string>();
  const all = Promise.withResolvers<void>();
  const observer = {
    async committed() {
      for (const partition of [0, 1]) {
        for (const { id } of jsons(await readPartition(client, outTopic, partition))) {
          finished.add(id);
        }
      }
      if (finished.size >= ids.length) all.resolve();
    },
  };
  const running = runFlow(client, flow, stop.signal, {
    sessionTimeoutMs,
    observer,
    onAssigned: (partitions) => partitions.length === 2 && taken.resolve(),
  });
  await inTime(taken.promise, "the frozen member's partitions are given away");
  await inTime(all.promise, "the other member has done its work");
  child.kill("SIGCONT");
  const both = await waitFor(async () => {
    const { members, state } = await withCluster(
      client,
      (cluster) => describeGroup(cluster, flow.groupId),
    );
    return members.length === 2 && state === "Stable" ? true : undefined;
  }, { waitMsMax: 30_000 });
  assertEquals(both, true, "it has come back");
  ids.push("last-0", "last-1");
  await produce(client, [0, 1].map((n) => record(source, n, `last-${n}`, { id: `last-${n}` })));
  const written = await waitFor(async () => {
    const found = [
      ...jsons(await readPartition(client, outTopic, 0)),
      ...jsons(await readPartition(client, outTopic, 1)),
    ].map(({ id }) => id);
    return found.length >= ids.length ? found : undefined;
  }, { waitMsMax: 30_000 });
  stop.abort();
  child.kill("SIGTERM");
  await inTime(running, "the flow here ends");
  const ended = async () => {
    while (!(await reader.read()).done);
  };
  await inTime(ended(), "the process that was frozen ends").catch((error) => {
    child.kill("SIGKILL");
    throw error;
  });
  assertEquals((await child.status).code, 0);
  assertEquals(written?.toSorted(), ids.toSorted());
});
