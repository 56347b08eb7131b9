/**
 * Stops the timer that every connection keeps running when nothing waits (KAFKAJS.md, row 15).
 *
 * kafkajs schedules a check after each answer, with a negative delay when nothing is throttled: one timer per
 * millisecond and connection, and Node's `TimeoutNegativeWarning`.
 */
import { requestQueueClass } from "../vendor.ts";

const marker = Symbol.for("onceflow.idleTimer");

export function patchIdleTimer(): void {
  const prototype = requestQueueClass().prototype;
  if (marker in prototype) return;
  const original = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function () {
    if (this.pending.length === 0 && this.throttledUntil <= Date.now()) return;
    original.call(this);
  };
  Object.defineProperty(prototype, marker, { value: true });
}
