/** Reads a request's body as JSON. Refuses what it cannot read exactly; never guesses an encoding. */
import { textOf } from "../../engine/core/json_text.ts";
import { brokenBody, type ReadBody } from "./body_reader.ts";
import { duplicateName } from "./duplicate_name.ts";
import { ProblemError, problemOf } from "./problem.ts";

/**
 * The body's JSON value.
 *
 * @throws {ProblemError} 415 for another media type, what `read` throws, 400 for what is not JSON in UTF-8 or
 * has a field twice
 */
export async function readJson(
  request: Request,
  read: ReadBody,
  from?: string,
): Promise<unknown> {
  refuseOtherMediaTypes(request.headers);
  const bytes = await read(request, from);
  let text: string;
  try {
    text = textOf(bytes);
  } catch {
    throw brokenBody("The body is not valid UTF-8");
  }
  const value = parse(text);
  const twice = duplicateName(text);
  if (twice === undefined) return value;
  throw new ProblemError(
    problemOf(400, "duplicate-field", "The body has a field twice", {
      detail: "Of two values nobody can say which is meant",
      errors: [{ field: twice, detail: "must stand once" }],
    }),
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw brokenBody(
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
