/** What is an outage of Kafka, and what a person has to change. */
import { outageIn } from "../../src/engine/core/outage.ts";
import { TransactionError } from "../../src/engine/core/ports.ts";
import { transactionError } from "../../src/engine/kafka/error_verdict.ts";
import { asKafkaDown, asKafkaDownAtOpening } from "../../src/engine/kafka/kafka_down.ts";
import { createErrorFromCode } from "../../src/engine/kafka/vendor.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";

const invalidTransactionTimeout = 50;
const coordinatorNotAvailable = 15;

Deno.test("a setting that the brokers refuse is no outage, and is named", () => {
  const refused = createErrorFromCode()(invalidTransactionTimeout);
  assertEquals(asKafkaDown(refused), undefined);
  const opening = transactionError("Cannot open", refused);
  assertEquals([opening.verdict, asKafkaDownAtOpening(opening)], ["fatal", opening]);
  assertStringIncludes(opening.message, "TRANSACTION_TIMEOUT_MS");
});

Deno.test("an id that could not be opened waits for Kafka; a commit without an answer stays in doubt", () => {
  const lost = transactionError("Cannot open", new Error("Connection refused"));
  const opening = asKafkaDownAtOpening(lost);
  assertEquals(opening instanceof TransactionError && opening.verdict, "unknown");
  assertEquals(outageIn(opening)?.dependency, "kafka");
  assertEquals(outageIn(lost), undefined);
});

Deno.test("what says more than an outage is given on: a coordinator that is missing", () => {
  const missing = transactionError("Cannot open", createErrorFromCode()(coordinatorNotAvailable), {
    transactionalId: "id",
  });
  assertEquals(asKafkaDownAtOpening(missing), missing);
});
