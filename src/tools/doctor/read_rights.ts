/** Asks Kafka which of some rights this client has. Takes none of them up: nothing is written, joined or opened. */
import { describeGroup } from "../../engine/kafka/describe_group.ts";
import { anyBroker } from "../../engine/kafka/describe_topics.ts";
import { protocolErrorType } from "../../engine/kafka/error_verdict.ts";
import {
  describeTransaction,
  offsetsTopic,
  stateTopic,
} from "../../engine/kafka/open_transactions.ts";
import { mayDo } from "../../engine/kafka/operations.ts";
import { fetchOperations, unknownTopicCode } from "../../engine/kafka/topic_metadata.ts";
import type { VendorCluster } from "../../engine/kafka/vendor.ts";
import type { Right } from "./role_rights.ts";

/** Whether it is there; undefined where Kafka does not tell. */
export type HasRight = (right: Right) => boolean | undefined;

/** Asks for all of them at once. */
export async function readRights(
  cluster: VendorCluster,
  rights: readonly Right[],
): Promise<HasRight> {
  const named = (resource: Right["resource"]) => [
    ...new Set(rights.filter((right) => right.resource === resource).map(({ name }) => name)),
  ];
  const topics = await fetchOperations(await anyBroker(cluster), [
    ...named("topic"),
    ...[offsetsTopic, stateTopic],
  ]);
  // Kafka makes these topics when somebody asks for a group, or for an id: that would be a change.
  const isThere = (topic: string) => topics.get(topic)?.errorCode !== unknownTopicCode;
  const groups = new Map<string, number | undefined | "refused">();
  for (const groupId of isThere(offsetsTopic) ? named("group") : []) {
    groups.set(groupId, await groupOperations(cluster, groupId));
  }
  const hidden = new Set<string>();
  for (const name of isThere(stateTopic) ? named("transactional id") : []) {
    if (!await isShown(cluster, name.replace("*", "doctor"))) hidden.add(name);
  }
  return ({ operation, resource, name }) => {
    if (resource === "topic") {
      const { errorCode = unknownTopicCode, operations } = topics.get(name) ?? {};
      if (errorCode === unknownTopicCode) return undefined;
      return errorCode === 0 ? mayDo(operations, operation) : false;
    }
    if (resource === "transactional id") return hidden.has(name) ? false : undefined;
    const operations = groups.get(name);
    return operations === "refused" ? false : mayDo(operations, operation);
  };
}

async function groupOperations(cluster: VendorCluster, groupId: string) {
  try {
    return (await describeGroup(cluster, groupId)).operations;
  } catch (error) {
    if (protocolErrorType(error) === "GROUP_AUTHORIZATION_FAILED") return "refused";
    throw error;
  }
}

/** Whoever may Write an id may Describe it; more than that no answer tells without opening it. */
async function isShown(cluster: VendorCluster, transactionalId: string): Promise<boolean> {
  try {
    await describeTransaction(cluster, transactionalId);
    return true;
  } catch (error) {
    if (protocolErrorType(error) === "TRANSACTIONAL_ID_AUTHORIZATION_FAILED") return false;
    throw error;
  }
}
