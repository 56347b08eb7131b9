/** Says of an error of Kafka whether it is an outage, which passes, or something that a person has to mend. Pure. */
import { DependencyDownError, HaltError } from "../core/errors.ts";
import { TransactionError } from "../core/ports.ts";
import { isOutage } from "./error_verdict.ts";
import { groupErrorText, groupVerdict } from "./group_verdict.ts";
import { obstacleOf } from "./obstacle.ts";

/**
 * The error as a {@linkcode DependencyDownError} where waiting can help: out of reach, without a leader, not ready yet.
 * Undefined for a refusal for good, and for a mistake in the program.
 */
export function asKafkaDown(error: unknown): DependencyDownError | undefined {
  if (error instanceof DependencyDownError) return error;
  if (error instanceof HaltError || groupVerdict(error) !== "wait") return undefined;
  // What may not be asked, or is set wrongly, is no outage: a person has to change it.
  const obstacle = obstacleOf(error, {});
  if (obstacle && obstacle.kind !== "lasting") return undefined;
  const said = groupErrorText(error);
  return new DependencyDownError(
    "kafka",
    `Cannot reach Kafka, or a partition's leader: is it running, and does KAFKA_BROKERS name it? (${said})`,
    { cause: error },
  );
}

/**
 * The same of a transactional id that could not be opened: nothing was begun, so nothing is in doubt. What else stands in the
 * way is given back as it is.
 */
export function asKafkaDownAtOpening(error: unknown): unknown {
  if (error instanceof TransactionError && error.verdict !== "unknown") return error;
  // What is known of it says more: a missing coordinator has settings of its own.
  const outage = isOutage(error) && !obstacleOf(error, {}) ? asKafkaDown(error) : undefined;
  if (!outage) return error;
  return new TransactionError("unknown", outage.message, { cause: outage, begun: false });
}

/** Runs `work` and throws outages of Kafka in core's words. */
export async function translatingOutages<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asKafkaDown(error) ?? error;
  }
}
