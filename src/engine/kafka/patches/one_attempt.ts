/**
 * Lets all who want a connection, or a broker, wait for one attempt.
 *
 * kafkajs starts an attempt for each caller, and whose attempt has failed closes the broker's connections: also the one
 * that the next caller has begun to open meanwhile, who waits for it until the time is over and closes the next one.
 * Several that try again in turn keep each other from a broker that is back, for ever.
 */
import { brokerPoolClass, connectionClass } from "../vendor.ts";

const marker = Symbol.for("onceflow.oneAttempt");

export function patchOneAttempt(): void {
  const connection = connectionClass().prototype;
  if (marker in connection) return;
  const { connect } = connection;
  const opening = new WeakMap<object, Promise<unknown>>();
  connection.connect = function () {
    return joined(opening, this, () => connect.call(this));
  };
  const pool = brokerPoolClass().prototype;
  const { connectBroker } = pool;
  pool.connectBroker = function (broker) {
    return joined(opening, broker, () => connectBroker.call(this, broker));
  };
  Object.defineProperty(connection, marker, { value: true });
}

function joined(
  opening: WeakMap<object, Promise<unknown>>,
  what: object,
  open: () => Promise<unknown>,
): Promise<unknown> {
  const running = opening.get(what);
  if (running) return running;
  const attempt = open().finally(() => opening.delete(what));
  opening.set(what, attempt);
  return attempt;
}
