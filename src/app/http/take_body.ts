/** Takes a request's body in before the request gets a place: who sends slowly keeps no other from one. */
import type { MiddlewareHandler } from "hono";
import type { BodyLimits } from "./body_reader.ts";
import { createBodyReader } from "./body_reader.ts";
import { readJson } from "./read_json.ts";

/** What the handler behind it finds: the body's JSON value. */
export type BodyVariables = { readonly Variables: { body: unknown } };

/** Who sent a request, where the server says so. */
interface From {
  readonly remoteAddr?: { readonly hostname?: string };
}

/** For routes that have a body. Throws what `readJson` throws. */
export function takeBody(limits: BodyLimits): MiddlewareHandler {
  const read = createBodyReader(limits);
  return async function takeBody(c, next) {
    const { remoteAddr }: From = c.env ?? {};
    c.set("body", await readJson(c.req.raw, read, remoteAddr?.hostname));
    await next();
  };
}
