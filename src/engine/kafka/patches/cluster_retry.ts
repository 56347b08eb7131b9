/**
 * Gives kafkajs's transaction manager quick retries.
 *
 * It builds its retrier from `cluster.retry`, a field that no cluster has, so InitProducerId and TxnOffsetCommit wait
 * 300 ms before each retry, whatever the settings say (3.7 transactions a second were left).
 */
import { clusterClass } from "../vendor.ts";

/** 10 ms growing to half a second, for about half a minute in all: a coordinator's failover fits in. */
const retry = { initialRetryTime: 10, maxRetryTime: 500, factor: 0.2, multiplier: 2, retries: 60 };

export function patchClusterRetry(): void {
  const prototype: object = clusterClass().prototype;
  if ("retry" in prototype) return;
  Object.defineProperty(prototype, "retry", { value: retry });
}
