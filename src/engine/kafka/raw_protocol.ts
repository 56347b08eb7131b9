/** Requests that kafkajs cannot make itself, over its own connections: our bytes there, our parser back. */
import { Buffer } from "node:buffer";
import { WireWriter } from "./codec/wire_writer.ts";
import { encoderClass, type VendorProtocol } from "./vendor.ts";

/** Which request, by Kafka's protocol guide. */
export interface ApiCall {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly apiName: string;
}

/** The request half: kafkajs writes the header, `body` what comes behind it. */
export function rawRequest(
  call: ApiCall,
  body: () => Uint8Array,
): VendorProtocol<unknown>["request"] {
  return {
    ...call,
    // deno-lint-ignore require-await -- kafkajs awaits it
    encode: async () => {
      const Encoder = encoderClass();
      const encoder = new Encoder();
      const bytes = body();
      encoder.writeBufferInternal(
        Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      );
      return encoder;
    },
  };
}

/** A whole request. `parse` gets the answer's bytes behind the correlation id, and throws the error that they carry. */
export function rawProtocol<T>(
  call: ApiCall,
  body: () => Uint8Array,
  parse: (bytes: Uint8Array) => T,
): VendorProtocol<T> {
  return {
    request: rawRequest(call, body),
    response: {
      decode: (raw) => Promise.resolve(raw),
      // deno-lint-ignore require-await -- an error code rejects
      parse: async (raw) => parse(answerBytes(call.apiName, raw)),
    },
    logResponseError: false,
  };
}

/**
 * A whole request of a flexible version (KIP-482). `write` appends the body's fields; the empty tag buffers are added here:
 * the one that ends the header, which kafkajs does not know of, and the body's own.
 */
export function flexibleProtocol<T>(
  call: ApiCall,
  write: (body: WireWriter) => WireWriter,
  parse: (bytes: Uint8Array) => T,
): VendorProtocol<T> {
  return rawProtocol(call, () => write(new WireWriter().tags()).tags().finish(), parse);
}

/** A whole request of a version that is not flexible. `write` appends the body's fields. */
export function classicProtocol<T>(
  call: ApiCall,
  write: (body: WireWriter) => WireWriter,
  parse: (bytes: Uint8Array) => T,
): VendorProtocol<T> {
  return rawProtocol(call, () => write(new WireWriter("classic")).finish(), parse);
}

/** What kafkajs hands over, checked to be bytes. */
export function answerBytes(apiName: string, raw: unknown): Uint8Array {
  if (raw instanceof Uint8Array) return raw;
  throw new TypeError(`${apiName}: kafkajs handed over an answer that is not bytes`);
}
