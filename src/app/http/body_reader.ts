/**
 * Reads bodies of requests: each within a size and a time, and only so many at once. Owns the bytes that are on their way;
 * never looks into them.
 */
import { ProblemError, problemOf } from "./problem.ts";

/** Bounds of reading bodies. */
export interface BodyLimits {
  readonly bytesMax: number;
  /** A body that is not there after this long is cut off, milliseconds. */
  readonly msMax: number;
  /** So many bodies may be on their way; one more cuts off the oldest of the sender that has most of them on its way. */
  readonly inHandMax: number;
}

/** Reads the whole body of a request; `from` is the address of its sender. */
export type ReadBody = (request: Request, from?: string) => Promise<Uint8Array>;

const firstBytes = 1_024;
const chunkBytes = 4_096;

/**
 * The bytes of a body lie in one buffer that grows with them up to the limit. A chunk as the server hands it over can be
 * one byte in a buffer of 64 KiB, so none is kept.
 *
 * The function it answers with throws a {@linkcode ProblemError}: 413 beyond the size, 408 beyond the time or when too many
 * are on their way, 400 for a body that breaks off.
 */
export function createBodyReader(limits: BodyLimits): ReadBody {
  const inHand = createSenders();
  return async (request, from = "") => {
    const { body } = request;
    if (body === null) return new Uint8Array();
    const declared = request.headers.get("content-length");
    if (declared !== null && Number(declared) > limits.bytesMax) {
      throw tooLarge(limits.bytesMax);
    }
    const chunks = openChunks(body);
    let isLate = false;
    const cutOff = () => {
      isLate = true;
      // Ends the read that waits. A race of each read with a promise that stays open would keep something for every chunk.
      chunks.cancel().catch(() => {});
    };
    const timer = setTimeout(cutOff, limits.msMax);
    inHand.add(from, cutOff);
    if (inHand.size() > limits.inHandMax) inHand.cutOffOne();
    try {
      const whole = await readAll(chunks.next, limits.bytesMax);
      if (!isLate) return whole;
    } catch (error) {
      // What the client still sends is not waited for.
      chunks.cancel().catch(() => {});
      if (error instanceof ProblemError) throw error;
      // The client went away in the middle of its own body: no fault of ours, and nobody is left to read this.
      if (!isLate) throw brokenBody("The body broke off");
    } finally {
      clearTimeout(timer);
      inHand.remove(from, cutOff);
    }
    throw tooLate(limits.msMax);
  };
}

/** What is on its way, by sender: one that sends very many slow bodies takes no place of another's. */
function createSenders() {
  const senders = new Map<string, Set<() => void>>();
  let size = 0;
  return {
    size: () => size,
    add(from: string, cutOff: () => void) {
      size++;
      const own = senders.get(from) ?? new Set();
      senders.set(from, own.add(cutOff));
    },
    remove,
    /** The oldest of the sender that has most of them. */
    cutOffOne() {
      let most = "";
      for (const [from, own] of senders) {
        if (own.size > (senders.get(most)?.size ?? 0)) most = from;
      }
      const [oldest] = senders.get(most) ?? [];
      if (oldest === undefined) return;
      // At once: the next one that comes must find another.
      remove(most, oldest);
      oldest();
    },
  };
  function remove(from: string, cutOff: () => void): void {
    const own = senders.get(from);
    if (own?.delete(cutOff)) size--;
    if (own?.size === 0) senders.delete(from);
  }
}

interface Chunks {
  /** The next bytes, until the one after them; undefined at the end. */
  next(): Promise<Uint8Array | undefined>;
  cancel(): Promise<void>;
}

/** The server would make a buffer of 64 KiB for each read: it is given one, always the same. */
function openChunks(body: ReadableStream<Uint8Array>): Chunks {
  try {
    const reader = body.getReader({ mode: "byob" });
    let buffer = new ArrayBuffer(chunkBytes);
    const next = async () => {
      const { done, value } = await reader.read(new Uint8Array(buffer));
      if (done || value === undefined) return undefined;
      buffer = value.buffer;
      return value;
    };
    return { next, cancel: () => reader.cancel() };
  } catch (error) {
    // A stream that brings its own buffers, as a request has that was made in this process.
    if (!(error instanceof TypeError)) throw error;
    const reader = body.getReader();
    return { next: async () => (await reader.read()).value, cancel: () => reader.cancel() };
  }
}

async function readAll(
  next: () => Promise<Uint8Array | undefined>,
  bytesMax: number,
): Promise<Uint8Array> {
  let whole = new Uint8Array(Math.min(firstBytes, bytesMax));
  let size = 0;
  while (true) {
    const value = await next();
    if (value === undefined) return whole.subarray(0, size);
    if (size + value.length > bytesMax) throw tooLarge(bytesMax);
    if (size + value.length > whole.length) {
      const grown = new Uint8Array(
        Math.min(bytesMax, Math.max(size + value.length, 2 * whole.length)),
      );
      grown.set(whole.subarray(0, size));
      whole = grown;
    }
    whole.set(value, size);
    size += value.length;
  }
}

function tooLarge(bytesMax: number): ProblemError {
  return new ProblemError(
    problemOf(413, "too-large", `The body is larger than ${bytesMax} bytes`, {
      errors: [{ field: "body", detail: `must be at most ${bytesMax} bytes long` }],
    }),
  );
}

function tooLate(msMax: number): ProblemError {
  return new ProblemError(
    problemOf(408, "body-late", "The body did not arrive in time", {
      detail: `A body has ${msMax} ms, and less while very many are on their way. Try again`,
    }),
    { connection: "close" },
  );
}

/** 400 for a body that is not what it should be. */
export function brokenBody(detail: string): ProblemError {
  return new ProblemError(
    problemOf(400, "broken-json", "The body is not JSON", {
      detail,
      errors: [{ field: "body", detail: "must be JSON in UTF-8" }],
    }),
  );
}
