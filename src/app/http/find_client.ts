/** Finds whose token a request carries. Takes as long for a wrong token as for a right one, and keeps none in clear. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { ApiToken, Right } from "../../config/api_tokens.ts";

/** Who sends a request, and what it may do. */
export interface Client {
  readonly name: string;
  readonly rights: ReadonlySet<Right>;
}

/** The client of an `Authorization` header (RFC 6750); undefined where it has no valid token. */
export type FindClient = (authorization: string | null | undefined) => Client | undefined;

/** Digests are compared, since the time of a comparison tells how far two texts agree. */
export function createFindClient(tokens: readonly ApiToken[]): FindClient {
  const known = tokens.map(({ name, rights, token }) => ({
    client: { name, rights },
    digest: digestOf(token.reveal()),
  }));
  return (authorization) => {
    const [, given] = /^Bearer +(\S+) *$/i.exec(authorization ?? "") ?? [];
    if (given === undefined) return undefined;
    const digest = digestOf(given);
    let found: Client | undefined;
    // All of them, wherever the right one stands.
    for (const each of known) if (timingSafeEqual(each.digest, digest)) found = each.client;
    return found;
  };
}

function digestOf(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}
