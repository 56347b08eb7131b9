/** Reads a request's body as JSON, within a limit. Refuses what it cannot read exactly; never guesses an encoding. */
import { textOf } from "../core/json_text.ts";
import { ProblemError, problemOf } from "./problem.ts";

/**
 * The body's JSON value.
 *
 * @throws {ProblemError} 415 for another media type, 413 beyond the limit (with or without a Content-Length), 400 for
 * what is not JSON in UTF-8
 */
export async function readJson(request: Request, bytesMax: number): Promise<unknown> {
  refuseOtherMediaTypes(request.headers);
  const bytes = await readWhole(request, bytesMax);
  let text: string;
  try {
    text = textOf(bytes);
  } catch {
    throw brokenJson("The body is not valid UTF-8");
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw brokenJson(
      text.trim() === "" ? "The body is empty" : error instanceof Error ? error.message : "",
    );
  }
}

function refuseOtherMediaTypes(headers: Headers): void {
  const type = headers.get("content-type") ?? "";
  const encoding = headers.get("content-encoding") ?? "identity";
  const plain = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i.test(type);
  if (plain && encoding === "identity") return;
  throw new ProblemError(
    problemOf(415, "media-type", "The body must be application/json in UTF-8, not compressed", {
      errors: [
        plain
          ? { field: "Content-Encoding", detail: "must be absent" }
          : { field: "Content-Type", detail: "must be application/json" },
      ],
    }),
    { "accept-post": "application/json" },
  );
}

async function readWhole(request: Request, bytesMax: number): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const bytes = await readBounded(request, bytesMax);
    if (bytes.length > bytesMax) throw tooLarge(bytesMax);
    return bytes;
  } catch (error) {
    if (error instanceof ProblemError) throw error;
    // The client went away in the middle of its own body: no fault of ours, and nobody is left to read this.
    throw brokenJson("The body broke off");
  }
}

async function readBounded(request: Request, bytesMax: number): Promise<Uint8Array<ArrayBuffer>> {
  const announced = request.headers.get("content-length");
  if (announced !== null && !request.headers.has("transfer-encoding")) {
    if (Number(announced) > bytesMax) throw tooLarge(bytesMax);
    return await request.bytes(); // The server reads no more than was announced.
  }
  if (request.body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop early cancels the stream, so that a sender of gigabytes is cut off.
  for await (const chunk of request.body) {
    size += chunk.length;
    if (size > bytesMax) throw tooLarge(bytesMax);
    chunks.push(chunk);
  }
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}

function tooLarge(bytesMax: number): ProblemError {
  return new ProblemError(
    problemOf(413, "too-large", `The body is larger than ${bytesMax} bytes`, {
      errors: [{ field: "body", detail: `must be at most ${bytesMax} bytes long` }],
    }),
  );
}

function brokenJson(detail: string): ProblemError {
  return new ProblemError(
    problemOf(400, "broken-json", "The body is not JSON", {
      detail,
      errors: [{ field: "body", detail: "must be JSON in UTF-8" }],
    }),
  );
}
