/** Makes clusters (kafkajs's metadata and connections) from settings, with every patch installed first. */
import { getLogger } from "../packages/logtape.ts";
import { type Names, namesIn } from "../core/names.ts";
import { installPatches } from "./patches/install_patches.ts";
import { endableSockets } from "./endable_sockets.ts";
import { type KafkaLogin, saslOption, userOf } from "./login.ts";
import { RecordClock } from "./record_clock.ts";
import { nativeSocketFactory } from "./patches/receive_buffer.ts";
import { type KafkaTls, tlsOptions } from "./tls.ts";
import {
  assertVendorShape,
  clusterClass,
  emitterClass,
  socketFactory,
  type VendorCluster,
  type VendorLogger,
} from "./vendor.ts";

/** How to reach the brokers. */
export interface KafkaSettings {
  /** `host:port` of one broker or more. */
  readonly brokers: readonly string[];
  /** Shown in the broker's logs and quotas. */
  readonly clientId: string;
  /** One prefix for groups, transactional ids, state topics and default dead-letter topics; `onceflow` where absent. */
  readonly namespace?: string;
  /** TLS, checked against the system's certificates, or as is said here. */
  readonly ssl: boolean | KafkaTls;
  /**
   * A record batch that unpacks to more than this is not read, bytes: its records become one dead letter that names their
   * place. 64 MiB where absent; a lane holds one unpacked batch at a time.
   */
  readonly unpackedBytesMax?: number;
  /** How to log in, where the brokers ask for that. */
  readonly sasl?: KafkaLogin;
}

/** Options of one cluster object; each has its own connections. */
export interface ClusterOptions {
  /** The longest wait for an answer, milliseconds. */
  readonly requestTimeoutMs?: number;
  readonly metadataMaxAgeMs?: number;
  /** 1 = read_committed (the default), 0 = read_uncommitted: it decides what ListOffsets calls the end. */
  readonly isolationLevel?: 0 | 1;
  /** The largest record batch to send to a topic, bytes; below its `max.message.bytes`. */
  readonly batchBytesMax?: (topic: string) => number;
  /** How often kafkajs retries connecting and finding coordinators. */
  readonly retries?: number;
}

/** A factory of clusters over one set of brokers. */
export interface KafkaClient {
  readonly settings: KafkaSettings;
  /** The name that it authenticates with, where there is one: whom permissions are granted to. */
  readonly user?: string;
  /** What groups and topics of ours are called there. */
  readonly names: Names;
  readonly logger: VendorLogger;
  /** What all of its producers stamp records with. */
  readonly recordClock: RecordClock;
  /** A cluster that is not connected yet. Disconnect it when done. */
  cluster(options?: ClusterOptions): VendorCluster;
  /** Ends all connections of its clusters, whoever still waits for an answer, and makes no more. */
  end(): void;
}

/** kafkajs's own quick retries: short, since every caller of ours retries by its own rule. */
export const vendorRetry = { initialRetryTime: 20, maxRetryTime: 500, factor: 0.2, multiplier: 2 };

/**
 * Prepares to talk to Kafka; opens no connection.
 *
 * @throws {TypeError} when the namespace cannot be part of a name
 * @throws when kafkajs is not the version that the patches were made for
 */
export function createKafkaClient(settings: KafkaSettings): KafkaClient {
  // First: what is patched must not have been loaded by anything that captures it.
  installPatches();
  assertVendorShape();
  const logger = vendorLogger("client");
  const Cluster = clusterClass();
  const Emitter = emitterClass();
  const recordClock = new RecordClock();
  const sasl = saslOption(settings.sasl);
  const sockets = endableSockets(nativeSocketFactory(socketFactory()()));
  return {
    settings,
    user: userOf(settings.sasl),
    names: namesIn(settings.namespace),
    logger,
    recordClock,
    end: sockets.end,
    cluster(options = {}) {
      const cluster = new Cluster({
        logger,
        rootLogger: logger,
        socketFactory: sockets.factory,
        brokers: settings.brokers,
        ssl: tlsOptions(settings.ssl),
        sasl,
        clientId: settings.clientId,
        connectionTimeout: 3_000,
        authenticationTimeout: 10_000,
        requestTimeout: options.requestTimeoutMs ?? 30_000,
        enforceRequestTimeout: true,
        metadataMaxAge: options.metadataMaxAgeMs ?? 60_000,
        isolationLevel: options.isolationLevel ?? 1,
        allowAutoTopicCreation: false,
        maxInFlightRequests: null,
        instrumentationEmitter: new Emitter({}),
        offsets: new Map(),
        retry: { ...vendorRetry, retries: options.retries ?? 5 },
      });
      cluster.batchBytesMax = options.batchBytesMax;
      cluster.unpackedBytesMax = settings.unpackedBytesMax;
      cluster.recordClock = recordClock;
      return cluster;
    },
  };
}

/** kafkajs's messages in our log. What it calls an error is often routine (a rebalance): debug. */
function vendorLogger(namespace: string): VendorLogger {
  const log = getLogger(["onceflow", "kafkajs", namespace]);
  return {
    namespace: (name) => vendorLogger(name),
    debug: (message, extra) => log.trace(message, { ...extra }),
    info: (message, extra) => log.debug(message, { ...extra }),
    warn: (message, extra) => log.debug(message, { ...extra }),
    error: (message, extra) => log.debug(message, { ...extra }),
  };
}
