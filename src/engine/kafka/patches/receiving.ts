/** Keeps kafkajs's connections from holding on to answers that were handed over. */
import { connectionClass } from "../vendor.ts";
import { withoutEmptyRest } from "./receive_buffer.ts";

export function patchReceiving(): void {
  const prototype = connectionClass().prototype;
  prototype.processData = withoutEmptyRest(prototype.processData);
}
