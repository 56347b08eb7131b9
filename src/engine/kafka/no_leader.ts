/** The error of a partition that nobody leads now, as kafkajs makes it of a broker's answer, with the partition's name. */
import { formatPartition, type TopicPartition } from "../core/record.ts";
import { createErrorFromCode } from "./vendor.ts";

const leaderNotAvailable = 5;

/** What is said of such a partition, in the same words by all whom it concerns. */
export const noLeaderReason = "the partition has no leader: is a broker of the cluster down?";

/** To be thrown where a partition has to be written to or asked, before anything is sent. */
export function noLeaderError(partition: TopicPartition): Error {
  return Object.assign(createErrorFromCode()(leaderNotAvailable), {
    message: `${formatPartition(partition)} has no leader: is a broker down?`,
    topic: partition.topic,
    unsent: true,
  });
}
