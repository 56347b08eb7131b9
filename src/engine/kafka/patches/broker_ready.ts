/**
 * Lets a broker count as connected only once it is known which versions it speaks.
 *
 * kafkajs says so as soon as the socket is open. Whoever shares the cluster and asks before ApiVersions is answered gets
 * "Broker not connected" for an answer; and where that answer never comes, the next `connect()` finds the broker
 * connected and leaves it without versions until the socket closes.
 */
import { brokerClass } from "../vendor.ts";

const marker = Symbol.for("onceflow.brokerReady");

export function patchBrokerReady(): void {
  const { prototype } = brokerClass();
  if (marker in prototype) return;
  const { isConnected } = prototype;
  prototype.isConnected = function () {
    // The name of what a broker looks versions up with before it has any.
    return isConnected.call(this) && this.lookupRequest.name !== "notInitializedLookup";
  };
  Object.defineProperty(prototype, marker, { value: true });
}
