/**
 * The one door to kafkajs 2.2.4: its inner parts with the types that we rely on. Owns no behaviour.
 *
 * The public client hides what exactly-once needs (its connections, the transaction's producer id, the group's
 * generation), so its parts are used one by one. The version is pinned; {@linkcode assertVendorShape} fails at start
 * when a part is not what is declared here.
 */
import type { NamedTransaction } from "./answered_commits.ts";
import type { Buffer } from "node:buffer";
import type { VendorBrokerPool, VendorCoordinator } from "./vendor_coordinator.ts";
import type { SocketFactory } from "./patches/receive_buffer.ts";
import type { RecordClock } from "./record_clock.ts";
import { part, vendorVersion } from "./vendor_copy.ts";

/** kafkajs's own logger interface. */
export interface VendorLogger {
  namespace(name: string): VendorLogger;
  debug(message: string, extra?: object): void;
  info(message: string, extra?: object): void;
  warn(message: string, extra?: object): void;
  error(message: string, extra?: object): void;
}

/** A request that an encoder writes after kafkajs has written the header. */
export interface VendorProtocol<T> {
  readonly request: {
    readonly apiKey: number;
    readonly apiVersion: number;
    readonly apiName: string;
    encode(): Promise<unknown>;
  };
  readonly response: { decode(raw: Buffer): Promise<unknown>; parse(data: unknown): Promise<T> };
  readonly requestTimeout?: number;
  readonly logResponseError?: boolean;
}

/** One connection, as far as a patch looks into it. */
export interface VendorConnection {
  readonly host: string;
  readonly port: number;
  chunks: Uint8Array[];
  bytesBuffered: number;
  bytesNeeded: number;
  isConnected(): boolean;
  rejectRequests(error: Error): void;
  disconnect(): Promise<unknown>;
}

/** Two connections to one broker: the first for all requests, the second for Fetch alone. */
export interface VendorConnectionPool {
  send<T>(protocol: VendorProtocol<T>): Promise<T>;
}

/** One broker of the cluster. */
export interface VendorBroker extends VendorCoordinator {
  readonly nodeId: number;
  readonly connectionPool: VendorConnectionPool;
  connect(): Promise<void>;
  isConnected(): boolean;
  disconnect(): Promise<void>;
  heartbeat(request: {
    groupId: string;
    groupGenerationId: number;
    memberId: string;
  }): Promise<unknown>;
  leaveGroup(request: { groupId: string; memberId: string }): Promise<unknown>;
  offsetCommit(request: {
    groupId: string;
    groupGenerationId: number;
    memberId: string;
    topics: {
      topic: string;
      partitions: { partition: number; offset: string; metadata?: string }[];
    }[];
  }): Promise<unknown>;
  offsetFetch(request: {
    groupId: string;
    topics: { topic: string; partitions: { partition: number }[] }[];
  }): Promise<
    {
      responses: {
        topic: string;
        partitions: { partition: number; offset: string; metadata: string | null }[];
      }[];
    }
  >;
  listOffsets(request: {
    isolationLevel: number;
    topics: { topic: string; partitions: { partition: number; timestamp: string | number }[] }[];
  }): Promise<
    { responses: { topic: string; partitions: { partition: number; offset: string }[] }[] }
  >;
}

/** What a cluster knows of one partition. */
export interface VendorPartitionMetadata {
  readonly partitionId: number;
  readonly leader: number;
}

/** kafkajs's view of the cluster: metadata and the brokers' connections. */
export interface VendorCluster {
  /** Ours: the largest record batch to send to a topic, bytes. */
  batchBytesMax?: (topic: string) => number;
  /** Ours: the largest that a record batch may become when it is unpacked, bytes. */
  unpackedBytesMax?: number;
  /** Ours: told of each transaction of protocol 2 whose commit was answered. */
  onCommitted?: (transaction: NamedTransaction) => void;
  /** Ours: what records are stamped with. */
  recordClock?: RecordClock;
  /** Any broker that answers, before there is metadata too. */
  readonly brokerPool: VendorBrokerPool<VendorBroker>;
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  isConnected(): boolean;
  refreshMetadata(): Promise<void>;
  refreshMetadataIfNecessary(): Promise<void>;
  addMultipleTargetTopics(topics: string[]): Promise<void>;
  findTopicPartitionMetadata(topic: string): VendorPartitionMetadata[];
  getNodeIds(): string[];
  findBroker(options: { nodeId: number }): Promise<VendorBroker>;
  findGroupCoordinator(
    options: { groupId: string; coordinatorType?: number },
  ): Promise<VendorBroker>;
}

/** Membership of a consumer group: join, sync, heartbeat, leave. */
export interface VendorConsumerGroup {
  readonly generationId: number | null;
  readonly leaderId: string | null;
  memberId: string | null;
  coordinator: VendorBroker | null;
  connect(): Promise<void>;
  joinAndSync(): Promise<void>;
  leave(): Promise<void>;
  isLeader(): boolean;
  assigned(): { topic: string; partitions: number[] }[];
}

/** The type of a constructor whose options kafkajs does not describe. */
type Constructor<T> = new (options: Record<string, unknown>) => T;

/** The class `Cluster`, as far as a patch looks into it. */
export const clusterClass = (): Constructor<VendorCluster> & {
  prototype: { findGroupCoordinatorMetadata: unknown };
} => part("cluster/index.js");
/** Where a broker finds its requests, by their api and in the version that it speaks. */
interface VendorRequests {
  lookupRequest(...request: unknown[]): (options: unknown) => VendorProtocol<unknown>;
}
/** The class `Broker`, as far as a patch looks into it. */
export const brokerClass = (): Constructor<VendorBroker> & {
  prototype: {
    isConnected(this: VendorRequests): boolean;
    metadata(this: VendorRequests, topics?: string[]): Promise<unknown>;
    txnOffsetCommit: unknown;
  };
} => part("broker/index.js");
/** The class `ConsumerGroup`. */
export const consumerGroupClass = (): Constructor<VendorConsumerGroup> =>
  part("consumer/consumerGroup.js");
/** The class of event emitters that cluster and group report to. */
export const emitterClass = (): Constructor<{
  addListener(name: string, listener: (event: unknown) => void): () => void;
}> => part("instrumentation/emitter.js");
/** The class of protocol encoders. */
export const encoderClass = (): new () => { writeBufferInternal(buffer: Uint8Array): unknown } =>
  part("protocol/encoder.js");
/** The brokers of a cluster and its metadata, as far as a patch looks into them. */
interface VendorPoolMetadata {
  readonly metadataMaxAge: number;
  metadataExpireAt: number | null;
}
/** The class of broker pools, one per cluster. */
export const brokerPoolClass = (): {
  prototype: {
    connectBroker(broker: VendorBroker): Promise<unknown>;
    refreshMetadata(this: VendorPoolMetadata, topics: string[]): Promise<unknown>;
    refreshMetadataIfNecessary(this: VendorPoolMetadata, topics: string[]): Promise<unknown>;
  };
} => part("cluster/brokerPool.js");
/** The class of connections. */
export const connectionClass = (): {
  prototype: {
    processData(this: { chunks: Uint8Array[] }, bytes: Uint8Array): unknown;
    send(this: VendorConnection, protocol: VendorProtocol<unknown>): Promise<unknown>;
    connect(this: VendorConnection): Promise<unknown>;
    authenticate(this: VendorConnection): Promise<unknown>;
    disconnect(this: VendorConnection): Promise<unknown>;
  };
} => part("network/connection.js");
/** TCP and TLS sockets. */
export const socketFactory = (): () => SocketFactory => part("network/socketFactory.js");
/** The error that belongs to a protocol error code. */
export const createErrorFromCode = (): (code: number) => Error => {
  return part<{ createErrorFromCode: (code: number) => Error }>("protocol/error.js")
    .createErrorFromCode;
};

/** Fails loudly when kafkajs is not the version that these parts were read from. */
export function assertVendorShape(): void {
  const version = vendorVersion();
  const wrong = version !== "2.2.4";
  const cluster = clusterClass().prototype as Partial<VendorCluster>;
  const group = consumerGroupClass().prototype as Partial<VendorConsumerGroup>;
  const missing = [
    ...["findBroker", "findGroupCoordinator", "findTopicPartitionMetadata"]
      .filter((name) => !(name in cluster)),
    ...["joinAndSync", "leave", "assigned"].filter((name) => !(name in group)),
  ];
  if (wrong || missing.length > 0) {
    throw new Error(
      `Cannot use kafkajs ${version}: its inner parts were checked for 2.2.4 only` +
        (missing.length > 0 ? `, and ${missing.join(", ")} is missing` : "") +
        `. Pin npm:kafkajs@2.2.4 in deno.json`,
    );
  }
}
