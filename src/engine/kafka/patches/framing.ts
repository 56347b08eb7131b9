/** Puts our framing of requests in the place of kafkajs's, which copies each body twice. */
import { type CreateRequest, frameInPlace } from "../codec/frame_in_place.ts";
import { replacePart } from "../vendor_copy.ts";

/** Before `network/connection.js` is loaded. */
export function patchFraming(): void {
  replacePart<CreateRequest>("protocol/request.js", frameInPlace);
}
