/** kafkajs's administrative client with the types that we rely on. Owns no behaviour. */
import { part } from "./vendor_copy.ts";

/** kafkajs's administrative client. */
export interface VendorAdmin {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  describeCluster(): Promise<{ brokers: unknown[] }>;
  createTopics(options: {
    waitForLeaders: boolean;
    topics: {
      topic: string;
      numPartitions: number;
      replicationFactor: number;
      configEntries: { name: string; value: string }[];
    }[];
  }): Promise<boolean>;
}

/** The factory of administrative clients. */
export const createAdmin = (): (options: Record<string, unknown>) => VendorAdmin =>
  part("admin/index.js");
