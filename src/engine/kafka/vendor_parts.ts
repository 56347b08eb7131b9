/**
 * Every part of kafkajs 2.2.4 that this program loads: what is replaced, what is patched, and what remains in use, each
 * with why. Paths below kafkajs's `src`. Holds no behaviour; `tests/unit/kafka_vendor_parts_test.ts` keeps it true.
 */

/** Another implementation stands in the place of the whole module. */
export const replaced = {
  "producer/sendMessages.js": "sends a batch again after doubt, and groups it quadratically",
  "producer/eosManager/index.js":
    "knows transaction protocol 1 alone; ours asks it where that holds",
  "protocol/request.js": "copies each body twice; what is not framed by us goes on to it",
} as const;

/** Single methods are replaced or wrapped, see `patches/`. */
export const patched = {
  "broker/index.js": "connected before its versions are known; metadata fails for one partition",
  "cluster/brokerPool.js": "an attempt for each caller; metadata's age by the wall clock",
  "cluster/index.js": "slow retries of transactions; look-ups of coordinators swallow errors",
  "network/connection.js": "keeps connections that are dead, waits for answers without a bound",
  "network/requestQueue/index.js": "times by the wall clock; a timer on each idle connection",
} as const;

/** They keep hold of one of those when they are loaded, so they are copied with them; they are as kafkajs has them. */
export const copiedBeside = {
  "cluster/connectionPoolBuilder.js": "makes the connections of a broker",
  "network/connectionPool.js": "one connection for requests, one for Fetch",
  "producer/index.js": "the producer and its transactions: retries of InitProducerId, states",
  "producer/messageProducer.js": "hands a batch to what sends it",
} as const;

/** Loaded by name and used as it is, shared with whoever uses kafkajs beside onceflow. */
export const used = {
  "admin/index.js": "makes and lists topics; it brings the consumer along, which never runs",
  "consumer/consumerGroup.js": "JoinGroup, SyncGroup and Heartbeat of a member",
  "instrumentation/emitter.js": "events that cluster and group report to",
  "network/socketFactory.js": "TLS sockets; plain ones are ours",
  "protocol/encoder.js": "what requests are encoded with",
  "protocol/error.js": "the errors of the protocol's codes",
} as const;

/** What these load of kafkajs's own; directories end with a slash. */
export const broughtAlong = {
  "admin/": "events",
  "broker/saslAuthenticator/": "PLAIN and SCRAM",
  "constants.js": "the largest integers",
  "consumer/": "of the group, assigners and subscriptions; of the admin client, the consumer",
  "env.js": "reads KAFKAJS_*",
  "errors.js": "classes of errors",
  "instrumentation/": "events",
  "loggers/": "its lines, handed on to our log",
  "network/": "sockets and their requests",
  "producer/":
    "partitioners and grouping, which no record of ours goes through; states of transactions",
  "protocol/": "requests and responses of the wire format, SASL, codecs",
  "retry/": "backoff",
  "utils/": "locks, waiting, 64-bit integers",
} as const;

/** What {@linkcode part} can load. */
export type VendorPart =
  | keyof typeof replaced
  | keyof typeof patched
  | keyof typeof copiedBeside
  | keyof typeof used;

/** What is ours alone. */
export const copied: readonly string[] = [replaced, patched, copiedBeside].flatMap(Object.keys);
