/** The words of a reader that cannot go on, and what a person can do. */
import { HaltError } from "../core/errors.ts";
import { decideWhereToGoOn, howToSetOffset } from "../core/offset_advice.ts";
import { TopicGoneError } from "../core/topic_gone_error.ts";
import { formatPartition, type TopicPartition } from "../core/record.ts";
import type { CodecError } from "./codec/codec_error.ts";

/** The next offset is not there. */
export function outOfRangeError(place: TopicPartition, offset: number): HaltError {
  return new HaltError(
    `Cannot read ${
      formatPartition(place)
    } from offset ${offset}: it lies outside the log. Records were ` +
      `deleted, or the log was replaced. ${decideWhereToGoOn(place)}`,
  );
}

/** The log below the next offset is another one. */
export function replacedError(place: TopicPartition, offset: number, what: string): HaltError {
  return new HaltError(
    `Cannot go on with ${
      formatPartition(place)
    } from offset ${offset}: the log is not the one that was ` +
      `read: ${what}. A broker's disk was replaced or emptied, or a replica without these records ` +
      `became the leader. ${decideWhereToGoOn(place)}`,
  );
}

/** The topic is gone. */
export function deletedTopicError(topic: string): TopicGoneError {
  return new TopicGoneError(
    topic,
    `Cannot go on with ${topic}: the topic was deleted, and what was not read of it is gone. Start ` +
      `again: the start makes the topic where it is missing, and says what there is to decide`,
  );
}

/** The topic was deleted and another one has its name. */
export function remadeError(
  place: TopicPartition,
  before: string | undefined,
  now: string | undefined,
): TopicGoneError {
  return new TopicGoneError(
    place.topic,
    `Cannot go on with ${
      formatPartition(place)
    }: the topic that was read (${before}) was deleted and ` +
      `recreated (now it is ${now}); what was not read of it is gone. Start again: the start says ` +
      `what there is to decide`,
  );
}

/** The cluster is too old. */
export function namelessError(place: TopicPartition): HaltError {
  return new HaltError(
    `Cannot read ${
      formatPartition(place)
    }: this cluster gives its topics no identity (KIP-516), so that ` +
      `one that was deleted and recreated would not be noticed. Kafka 3.1 or later is needed, with ` +
      `its metadata version raised likewise`,
  );
}

/** The bytes of the log are not what any client can read. */
export function unreadableError(place: TopicPartition, error: CodecError): HaltError {
  return new HaltError(
    `${error.message}. Nothing behind it in ${
      formatPartition(place)
    } can be read: repair the broker's ` +
      `copy and start again, or pass over it: ${howToSetOffset(place, "the offset behind it")}`,
    { cause: error },
  );
}
