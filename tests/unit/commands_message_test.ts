/** What a person is told when a command fails. */
import { messageOf } from "../../src/cli/message_of.ts";
import { ConfigError } from "../../src/config.ts";
import { createKafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";

Deno.test("Kafka that cannot be reached is named, with the setting to look at", async () => {
  const settings = { brokers: ["127.0.0.1:1"], clientId: "test", ssl: false };
  const cluster = createKafkaClient(settings).cluster({ retries: 0 });
  const error = await assertRejects(() => cluster.connect());
  const message = messageOf(error);
  assertStringIncludes(message, "Cannot reach Kafka at 127.0.0.1:1");
  assertStringIncludes(message, "KAFKA_BROKERS");
});

Deno.test("missing permission points to where the tasks have theirs", () => {
  const error = new Deno.errors.NotCapable('Requires write access to "/data"');
  assertStringIncludes(messageOf(error), "deno.json");
});

Deno.test("unexpected error shows its causes, wrong settings only themselves", () => {
  const cause = new Error("disk full");
  const error = new Error("cannot write the report", { cause });
  assertEquals(messageOf(error), "cannot write the report\n  because: disk full");
  assertEquals(messageOf(new ConfigError("HTTP_PORT: too big", { cause })), "HTTP_PORT: too big");
  assertEquals(messageOf("thrown text"), "thrown text");
});
