/** Kafka's own names of errors to which kafkajs gives older ones, with whose coordinator is meant. Pure. */
import { errorInChain, type RefusedRequest } from "./refused_request.ts";

/** kafkajs names these after groups; a transactional id has a coordinator, too, which answers with the same. */
const ofCoordinators: Readonly<Record<string, string>> = {
  NOT_COORDINATOR_FOR_GROUP: "NOT_COORDINATOR",
  GROUP_COORDINATOR_NOT_AVAILABLE: "COORDINATOR_NOT_AVAILABLE",
  GROUP_LOAD_IN_PROGRESS: "COORDINATOR_LOAD_IN_PROGRESS",
};

/** Requests of a transaction that the group's coordinator answers. */
const askedOfGroups = new Set(["TxnOffsetCommit"]);

/** What to call this error to a person who looks it up. */
export function errorName(
  type: string,
  error: unknown,
  { transactionalId, groupId }: RefusedRequest,
): string {
  const name = ofCoordinators[type];
  if (name === undefined) {
    return type === "NOT_LEADER_FOR_PARTITION" ? "NOT_LEADER_OR_FOLLOWER" : type;
  }
  const { apiName } = errorInChain(error, ({ apiName }) => apiName !== undefined) ?? {};
  const isOfGroup = apiName === undefined
    ? transactionalId === undefined
    : askedOfGroups.has(apiName);
  if (!isOfGroup && transactionalId !== undefined) {
    return `${name} of the transaction coordinator of ${transactionalId}`;
  }
  return groupId === undefined ? name : `${name} of the coordinator of group ${groupId}`;
}
