/** A redrive that is killed with SIGKILL in the middle of a transaction, and run again. */
import { redriveDeadLetters } from "../../src/engine/dead_letters/redrive.ts";
import { assertEquals } from "../support/assert.ts";
import { deadLetterTopics, valueText } from "./dead_letters_setup.ts";

const root = new URL("../../", import.meta.url);
const values = ["1", "2", "3", "4", "5"];

for (const step of ["before-send", "before-end-txn", "after-commit"]) {
  for (const key of ["", "a"]) {
    const what = key ? "a redrive of one key" : "a redrive of all";
    Deno.test(`${what} killed at ${step} and run again doubles nothing and loses nothing`, async () => {
      const topics = await deadLetterTopics();
      await topics.fail(...values.map((value) => ({ key: "a", value })));
      await killAt(step, topics.client.settings.brokers[0] ?? "", topics.dlq, key);
      await using store = topics.open();
      await redriveDeadLetters(store, key ? { key: new TextEncoder().encode(key) } : {});
      assertEquals((await topics.read(topics.input)).map(valueText), values);
    });
  }
}

/** Starts a redrive and kills it when it says that it is there. */
async function killAt(step: string, broker: string, topic: string, key: string): Promise<void> {
  const program = "tests/integration/dead_letters_redrive_process.ts";
  const child = new Deno.Command("deno", {
    args: [
      ...["run", "--quiet", "--no-check", "--allow-net=127.0.0.1", "--allow-read", "--allow-env"],
      ...["--allow-sys", program, broker, topic, step, key],
    ],
    cwd: root,
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  assertEquals(new TextDecoder().decode(value).trim(), step);
  child.kill("SIGKILL");
  while (!(await reader.read()).done);
  await child.status;
}
