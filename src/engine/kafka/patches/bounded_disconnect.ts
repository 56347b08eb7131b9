/**
 * Bounds how long closing a connection waits for answers.
 *
 * kafkajs waits for all of them, half a minute and more where the network swallows them: a process that is told to stop
 * would hang for as long.
 */
import { connectionClass } from "../vendor.ts";
import { ConnectionDroppedError } from "./request_timeout.ts";

const marker = Symbol.for("onceflow.boundedDisconnect");
/** Longer than a fetch waits for records: whoever closes in order still gets what is on its way. */
const answersMsMax = 500;

export function patchBoundedDisconnect(): void {
  const { prototype } = connectionClass();
  if (marker in prototype) return;
  const { disconnect } = prototype;
  prototype.disconnect = async function () {
    const timer = setTimeout(() => {
      this.rejectRequests(new ConnectionDroppedError(this.host, this.port));
    }, answersMsMax);
    try {
      return await disconnect.call(this);
    } finally {
      clearTimeout(timer);
    }
  };
  Object.defineProperty(prototype, marker, { value: true });
}
