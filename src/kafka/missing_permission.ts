/** Says which ACL is missing, from the error of the request that was refused. Pure: asks nobody. */
import { errorInChain, type RefusedRequest } from "./refused_request.ts";

/** One rule that an administrator can grant. */
interface Grant {
  readonly operations: readonly string[];
  readonly what: string;
  /** The same as options of `kafka-acls.sh`. */
  readonly option: string;
}

/**
 * The sentence for a person, with the command that grants what is missing; undefined where the error is no refusal. Write
 * and Read imply Describe, so that one rule is named where two would be asked for.
 */
export function missingPermission(error: unknown, request: RefusedRequest): string | undefined {
  const refusal = errorInChain(error, ({ type }) => /_AUTHORIZATION_FAILED$/.test(type ?? ""));
  if (!refusal?.type) return undefined;
  const topics = refusal.topic ? [refusal.topic] : request.topics ?? [];
  const { operations, what, option } = grantFor(refusal.type, refusal.apiName, {
    ...request,
    topics,
  });
  const user = request.user ?? "?";
  return `${request.user === undefined ? "this client" : `the user ${user}`} may not ` +
    `${operations.join(" and ")} ${what} (${refusal.type} to ${refusal.apiName ?? "a request"}); ` +
    `grant it: kafka-acls.sh --add --allow-principal User:${user} ` +
    `${operations.map((operation) => `--operation ${operation}`).join(" ")} ${option}`;
}

function grantFor(type: string, api: string | undefined, request: RefusedRequest): Grant {
  const { transactionalId = "?", groupId = "?" } = request;
  const topics = request.topics?.length ? request.topics : ["?"];
  switch (type) {
    case "TRANSACTIONAL_ID_AUTHORIZATION_FAILED":
      return {
        operations: ["Write", "Describe"],
        what: `transactional id "${transactionalId}"`,
        option: `--transactional-id '${transactionalId}'`,
      };
    case "GROUP_AUTHORIZATION_FAILED":
      return {
        operations: ["Read"],
        what: `consumer group "${groupId}"`,
        option: `--group '${groupId}'`,
      };
    case "TOPIC_AUTHORIZATION_FAILED":
      return {
        operations: [topicOperations[api ?? ""] ?? "Describe"],
        what: `${topics.length > 1 ? "one of the topics" : "topic"} ${
          topics.map((topic) => `"${topic}"`).join(", ")
        }`,
        option: topics.map((topic) => `--topic '${topic}'`).join(" "),
      };
    default:
      return {
        operations: [api === "CreateTopics" ? "Create" : "IdempotentWrite"],
        what: "on the cluster",
        option: "--cluster",
      };
  }
}

/** What a request needs of a topic; all others need Describe. */
const topicOperations: Readonly<Record<string, string>> = {
  Produce: "Write",
  AddPartitionsToTxn: "Write",
  Fetch: "Read",
  OffsetCommit: "Read",
  TxnOffsetCommit: "Read",
  CreateTopics: "Create",
  DescribeConfigs: "DescribeConfigs",
};
