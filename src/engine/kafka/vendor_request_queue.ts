/** The requests of one connection of kafkajs, with the types that patches rely on. Owns no behaviour. */
import { part } from "./vendor_copy.ts";

/** A request in a queue. */
interface VendorSocketRequest {
  readonly requestTimeout: number;
  timeoutRequest(): void;
}
/** The requests of one connection, as far as a patch looks into them. */
interface VendorRequestQueue {
  readonly enforceRequestTimeout: boolean;
  readonly requestTimeout: number;
  readonly maxInFlightRequests: number | null;
  readonly inflight: Map<number, VendorSocketRequest>;
  readonly pending: unknown[];
  throttledUntil: number;
  throttleCheckTimeoutId: unknown;
  requestTimeoutIntervalId: unknown;
  isConnected(): boolean;
  destroy(): void;
  checkPendingRequests(): void;
}
/** The class of request queues, one per connection. */
export const requestQueueClass = (): {
  prototype: {
    sendSocketRequest(this: VendorRequestQueue, request: VendorSocketRequest): void;
    scheduleRequestTimeoutCheck(this: VendorRequestQueue): void;
    maybeThrottle(this: VendorRequestQueue, throttleMs: number | null | undefined): void;
    canSendSocketRequestImmediately(this: VendorRequestQueue): boolean;
    scheduleCheckPendingRequests(
      this: Pick<
        VendorRequestQueue,
        "pending" | "throttledUntil" | "throttleCheckTimeoutId" | "checkPendingRequests"
      >,
    ): void;
  };
} => part("network/requestQueue/index.js");
