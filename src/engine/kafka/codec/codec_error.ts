/** The one error of the codec. Owns its wording, never decides what to do about it. */

/**
 * - `corrupt`: the bytes are not what the protocol says (a checksum that does not match, a length that leaves its frame);
 *   fetching again may help, going on past them would lose records;
 * - `unsupported`: the bytes are well formed and this codec does not read or write their kind; no retry helps;
 * - `unpackable`: a batch whose checksum is right does not unpack, or grows larger than may be held: its producer wrote it
 *   so. No retry helps, and its header says how to go on past it.
 */
export type CodecFault = "corrupt" | "unsupported" | "unpackable";

/** Bytes from or for Kafka that this codec will not guess about. The message names where they came from. */
export class CodecError extends Error {
  constructor(readonly fault: CodecFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CodecError";
  }
}
