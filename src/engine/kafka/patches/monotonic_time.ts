/**
 * Makes kafkajs measure intervals by the monotonic clock: request timeouts, throttling, and the age of metadata.
 *
 * By the wall clock, one that is stepped back by an hour keeps a request that is not answered, a throttled connection and
 * the metadata waiting for an hour more; one that is stepped forward times every request out.
 */
import { brokerPoolClass } from "../vendor.ts";
import { requestQueueClass } from "../vendor_request_queue.ts";

const marker = Symbol.for("onceflow.monotonicTime");
const checkEveryMs = 100;
const pendingCheckMs = 10;

export function patchMonotonicTime(): void {
  patchRequestQueue();
  patchMetadataAge();
}

function patchRequestQueue(): void {
  const { prototype } = requestQueueClass();
  if (marker in prototype) return;
  const sentAt = new WeakMap<object, number>();
  const { sendSocketRequest } = prototype;
  prototype.sendSocketRequest = function (request) {
    sentAt.set(request, performance.now());
    sendSocketRequest.call(this, request);
  };
  prototype.scheduleRequestTimeoutCheck = function () {
    if (!this.enforceRequestTimeout) return;
    this.destroy();
    this.requestTimeoutIntervalId = setInterval(() => {
      for (const request of [...this.inflight.values()]) {
        const ageMs = performance.now() - (sentAt.get(request) ?? performance.now());
        if (ageMs > request.requestTimeout) request.timeoutRequest();
      }
      if (!this.isConnected()) this.destroy();
    }, Math.min(this.requestTimeout, checkEveryMs));
  };
  prototype.maybeThrottle = function (throttleMs) {
    if (!throttleMs || throttleMs <= 0) return;
    this.throttledUntil = Math.max(performance.now() + throttleMs, this.throttledUntil);
  };
  prototype.canSendSocketRequestImmediately = function () {
    const isFull = this.maxInFlightRequests !== null &&
      this.inflight.size >= this.maxInFlightRequests;
    return !isFull && this.throttledUntil <= performance.now();
  };
  // Nothing that waits, no timer: kafkajs keeps one for each millisecond and connection.
  prototype.scheduleCheckPendingRequests = function () {
    if (this.pending.length === 0 || this.throttleCheckTimeoutId) return;
    const throttledMs = this.throttledUntil - performance.now();
    this.throttleCheckTimeoutId = setTimeout(() => {
      this.throttleCheckTimeoutId = null;
      this.checkPendingRequests();
    }, throttledMs > 0 ? throttledMs : pendingCheckMs);
  };
  Object.defineProperty(prototype, marker, { value: true });
}

function patchMetadataAge(): void {
  const { prototype } = brokerPoolClass();
  if (marker in prototype) return;
  const { refreshMetadata, refreshMetadataIfNecessary } = prototype;
  const readAt = new WeakMap<object, number>();
  prototype.refreshMetadata = async function (topics) {
    const startedAt = performance.now();
    await refreshMetadata.call(this, topics);
    readAt.set(this, startedAt);
  };
  prototype.refreshMetadataIfNecessary = function (topics) {
    const ageMs = performance.now() - (readAt.get(this) ?? -Infinity);
    // Null stays: a broker was removed, and kafkajs wants to read at once.
    if (ageMs > this.metadataMaxAge) this.metadataExpireAt = null;
    else if (this.metadataExpireAt !== null) this.metadataExpireAt = Infinity;
    return refreshMetadataIfNecessary.call(this, topics);
  };
  Object.defineProperty(prototype, marker, { value: true });
}
