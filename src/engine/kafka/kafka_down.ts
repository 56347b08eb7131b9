/** Says of an error of Kafka whether it is an outage, which passes, or something that a person has to mend. Pure. */
import { DependencyDownError, HaltError } from "../core/errors.ts";
import { missingPermission } from "./missing_permission.ts";
import { groupErrorText, groupVerdict } from "./group_verdict.ts";

/**
 * The error as a {@linkcode DependencyDownError} where waiting can help: out of reach, without a leader, not ready yet.
 * Undefined for a refusal for good, and for a mistake in the program.
 */
export function asKafkaDown(error: unknown): DependencyDownError | undefined {
  if (error instanceof DependencyDownError) return error;
  if (error instanceof HaltError || groupVerdict(error) !== "wait") return undefined;
  // What may not be asked is no outage: a person has to grant it.
  if (missingPermission(error, {})) return undefined;
  const said = groupErrorText(error);
  return new DependencyDownError(
    "kafka",
    `Cannot reach Kafka, or a partition's leader: is it running, and does KAFKA_BROKERS name it? (${said})`,
    { cause: error },
  );
}

/** Runs `work` and throws outages of Kafka in core's words. */
export async function translatingOutages<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asKafkaDown(error) ?? error;
  }
}
