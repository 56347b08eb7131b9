/**
 * Dead letters: records that a flow could not process, as they were, with where they came from and why. List them, look at one,
 * send them back when the cause is mended, and free the keys that wait behind one.
 *
 * ```ts ignore
 * import { formatAddress, openDeadLetters } from "@onceflow/onceflow/dead-letters";
 *
 * await using letters = openDeadLetters({ brokers, clientId: "night-shift", ssl: false, topic: "parcels.labelling.DLQ" });
 * for (const { record, error } of await letters.list({ limit: 20, pending: true })) {
 *   console.log(formatAddress(record), error);
 * }
 * const { redriven, refused } = await letters.redrive({ topic: "parcels" });
 * const outcomes = await letters.unpark(await letters.parked({ key: "parcel-17" }));
 * ```
 *
 * Needs `--allow-net` and `--allow-env=NODE_ENV,KAFKAJS_*`.
 *
 * @module
 */
export {
  type DeadLetters,
  type DeadLetterSettings,
  openDeadLetters,
  type ParkedSelection,
} from "./open_dead_letters.ts";
export { type DeadLetterAddress, formatAddress, parseAddress } from "./dead_letter_address.ts";
export type { FoundDeadLetter } from "./find_dead_letter.ts";
export {
  type DeadLetterGroup,
  type DeadLetterGroups,
  groupDeadLetters,
  type GroupedDeadLetter,
  type GroupLimits,
} from "./group_dead_letters.ts";
export type { ListOrder } from "./list_cursor.ts";
export type { DeadLetterPage, ListedDeadLetter, ListOptions } from "./list_dead_letters.ts";
export type { GroupOptions } from "./list_groups.ts";
export type { ParkedKey, ParkedQueue } from "./parked_entry.ts";
export type { ParkedLink } from "./parked_link.ts";
export {
  type DeadLetter,
  type FirstFailure,
  type Origin,
  originalHeaders,
  readDeadLetter,
} from "./read_dead_letter.ts";
export type { RedriveReport } from "./redrive.ts";
export type { RedriveObserver, RedriveOptions } from "./redrive_options.ts";
export type { Redrive } from "./redrive_state.ts";
export type { Selection } from "./select_dead_letters.ts";
export type { UnparkOptions, UnparkOutcome } from "./unpark.ts";
export { isOfAnotherGroup } from "../core/dead_letter.ts";
export { HaltError } from "../core/errors.ts";
export type { LanePlace } from "../core/ports.ts";
export type { Header, InputRecord, TopicPartition, UnreadRecords } from "../core/record.ts";
export type { KafkaSettings } from "../kafka/kafka_client.ts";
export type { EndpointLogin, KafkaLogin, PasswordLogin, TokenLogin } from "../kafka/login.ts";
export type { KafkaTls } from "../kafka/tls.ts";
