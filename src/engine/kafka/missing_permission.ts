/** Says which ACL is missing, from the error of the request that was refused. Pure: asks nobody. */
import { HaltError } from "../core/errors.ts";
import { errorInChain, type RefusedRequest } from "./refused_request.ts";

/** Something may not be done. It ends a command; a role that works on waits until it is granted. */
export class MissingPermissionError extends HaltError {
  override name = "MissingPermissionError";
}

/** One rule that an administrator can grant. */
interface Grant {
  readonly operations: readonly string[];
  readonly what: string;
  /** The same as options of `kafka-acls.sh`. */
  readonly option: string;
}

/**
 * The sentence for a person, with the command that grants what is missing; undefined where the error is no refusal. Write
 * and Read imply Describe, so that one rule is named where two would be asked for. It is the same for every request that
 * is refused for the same rule.
 */
export function missingPermission(error: unknown, request: RefusedRequest): string | undefined {
  const known = errorInChain(error, (each) => each instanceof MissingPermissionError);
  if (known) return known.message;
  const refusal = errorInChain(error, ({ type }) => /_AUTHORIZATION_FAILED$/.test(type ?? ""));
  if (!refusal?.type) return undefined;
  const topics = refusal.topic ? [refusal.topic] : request.topics ?? [];
  const { operations, what, option } = grantFor(refusal.type, refusal.apiName, {
    ...request,
    topics,
  });
  const user = request.user ?? "?";
  return `${request.user === undefined ? "this client" : `the user ${user}`} may not ` +
    `${operations.join(" and ")} ${what} (${refusal.type}); ` +
    `grant it: kafka-acls.sh --add --allow-principal User:${user} ` +
    `${operations.map((operation) => `--operation ${operation}`).join(" ")} ${option}`;
}

/** Runs a step; where it may not be done, the error says what is missing. Every other error is as it was. */
export async function permitted<T>(request: RefusedRequest, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw asMissingPermission(error, request) ?? error;
  }
}

/** The error with what is missing as its message; undefined where it is another. */
export function asMissingPermission(
  error: unknown,
  request: RefusedRequest,
): MissingPermissionError | undefined {
  if (error instanceof MissingPermissionError) return error;
  const refused = missingPermission(error, request);
  return refused === undefined ? undefined : new MissingPermissionError(refused, { cause: error });
}

function grantFor(type: string, api: string | undefined, request: RefusedRequest): Grant {
  const { transactionalId = "?", groupId = "?" } = request;
  const topics = request.topics?.length ? request.topics : ["?"];
  switch (type) {
    case "TRANSACTIONAL_ID_AUTHORIZATION_FAILED":
      return {
        operations: ["Write"],
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
        operations: topicOperations[api ?? ""] ??
          (request.needs?.length ? request.needs : ["Describe"]),
        what: `${topics.length > 1 ? "one of the topics" : "topic"} ${
          topics.map((topic) => `"${topic}"`).join(", ")
        }`,
        option: topics.map((topic) => `--topic '${topic}'`).join(" "),
      };
    default:
      return {
        operations: [clusterOperations[api ?? ""] ?? "IdempotentWrite"],
        what: "on the cluster",
        option: "--cluster",
      };
  }
}

/** What a request needs of the cluster. */
const clusterOperations: Readonly<Record<string, string>> = {
  CreateTopics: "Create",
  DescribeConfigs: "DescribeConfigs",
  DescribeLogDirs: "Describe",
  DescribeQuorum: "Describe",
};

/** What a request needs of a topic; all others need Describe, and so does whatever it is used for. */
const topicOperations: Readonly<Record<string, readonly string[]>> = {
  Produce: ["Write"],
  AddPartitionsToTxn: ["Write"],
  Fetch: ["Read"],
  OffsetCommit: ["Read"],
  TxnOffsetCommit: ["Read"],
  CreateTopics: ["Create"],
  DescribeConfigs: ["DescribeConfigs"],
};
