/** Kafka's jars for the independent reader of the tests, from the cache that the tests' stack fills. */
import { fileURLToPath } from "node:url";
import { kafkaVersion } from "../../../src/tools/stack/ensure_stack.ts";
import { kafkaJars } from "../../../src/tools/stack/kafka_jars.ts";

const cacheDirectory = fileURLToPath(new URL("../../../.onceflow/cache", import.meta.url));

/** The directory; resolved by Maven when it is not there yet. */
export function testJars(): Promise<string> {
  return kafkaJars({ version: kafkaVersion, cacheDirectory });
}
