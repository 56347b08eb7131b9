/** What a person reads of an error is Kafka's name of it, and says whose coordinator is meant. */
import { transactionError } from "../../src/engine/kafka/error_verdict.ts";
import { createErrorFromCode } from "../../src/engine/kafka/vendor.ts";
import { assertEquals } from "../support/assert.ts";

const notCoordinator = 16;

Deno.test("a coordinator that has moved is that of the transaction, or of the group, by the request", () => {
  const request = { transactionalId: "g/in/0", groupId: "g" };
  const said = (code: number, apiName?: string, about: object = request) => {
    const error = Object.assign(createErrorFromCode()(code), apiName && { apiName });
    return transactionError("Cannot", error, about).message.replace(/ \(.*\)$/, "");
  };
  const ofTransaction = "Cannot: NOT_COORDINATOR of the transaction coordinator of g/in/0";
  for (const apiName of ["EndTxn", "AddOffsetsToTxn", "InitProducerId", undefined]) {
    assertEquals(said(notCoordinator, apiName), ofTransaction);
  }
  const ofGroup = "Cannot: NOT_COORDINATOR of the coordinator of group g";
  assertEquals(said(notCoordinator, "TxnOffsetCommit"), ofGroup);
  assertEquals(said(notCoordinator, undefined, { groupId: "g" }), ofGroup);
  assertEquals(said(notCoordinator, "OffsetFetch", {}), "Cannot: NOT_COORDINATOR");
  assertEquals(
    said(14, "EndTxn"),
    "Cannot: COORDINATOR_LOAD_IN_PROGRESS of the transaction coordinator of g/in/0",
  );
  assertEquals(said(6, "Produce"), "Cannot: NOT_LEADER_OR_FOLLOWER");
});
