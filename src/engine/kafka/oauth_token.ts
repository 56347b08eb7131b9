/** Gets bearer tokens from a token endpoint with a client's id and secret (RFC 6749, section 4.4), and keeps each while it is good. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** Where tokens come from. */
export interface TokenEndpoint {
  /** `https://...`; or `file:///...`, which is read anew at each login. */
  readonly tokenEndpoint: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope?: string;
}

/** The endpoint has looked at the client and refused it: no retry changes that. The type is read by `refusedLogin`. */
export class TokenRefusedError extends Error {
  override name = "TokenRefusedError";
  readonly type = "OAUTH_TOKEN_REFUSED";
}

/** The endpoint was not reached, or did not answer as one: kafkajs and ours try again. */
export class TokenUnreachedError extends Error {
  override name = "KafkaJSTokenUnreachedError";
  readonly retriable = true;
}

/** What passes of a token's life before another is fetched. */
const usedShare = 0.8;
const waitMsMax = 10_000;

/** A source of tokens for one client. Several logins at once share a request. */
export function createTokenSource(
  endpoint: TokenEndpoint,
  now: () => number = () => performance.now(),
): () => Promise<string> {
  let kept: { readonly token: string; readonly untilMs: number } | undefined;
  let asked: Promise<string> | undefined;
  const ask = async () => {
    if (endpoint.tokenEndpoint.startsWith("file:")) return await readToken(endpoint);
    const at = now();
    const { token, seconds } = await fetchToken(endpoint);
    kept = { token, untilMs: at + seconds * 1_000 * usedShare };
    return token;
  };
  return () => {
    if (kept && now() < kept.untilMs) return Promise.resolve(kept.token);
    return asked ??= ask().finally(() => asked = undefined);
  };
}

async function readToken({ tokenEndpoint }: TokenEndpoint): Promise<string> {
  try {
    return (await readFile(fileURLToPath(tokenEndpoint), "utf8")).trim();
  } catch (error) {
    throw unreached(tokenEndpoint, error instanceof Error ? error.message : String(error), error);
  }
}

async function fetchToken({ tokenEndpoint, clientId, clientSecret, scope }: TokenEndpoint) {
  let status: number;
  let text: string;
  try {
    const answer = await fetch(tokenEndpoint, {
      method: "POST",
      headers: {
        accept: "application/json",
        // RFC 6749, section 2.3.1: both are encoded as in a form before they are put together.
        authorization: `Basic ${btoa(`${formText(clientId)}:${formText(clientSecret)}`)}`,
      },
      body: new URLSearchParams({
        grant_type: "client_credentials",
        ...(scope !== undefined && { scope }),
      }),
      // The secret goes to the place that was named, and nowhere else.
      redirect: "error",
      signal: AbortSignal.timeout(waitMsMax),
    });
    status = answer.status;
    text = await answer.text();
  } catch (error) {
    throw unreached(tokenEndpoint, error instanceof Error ? error.message : String(error), error);
  }
  const said = parsed(text);
  if (status === 400 || status === 401 || status === 403) {
    const reason = typeof said.error === "string" ? said.error : `status ${status}`;
    throw new TokenRefusedError(`The token endpoint ${tokenEndpoint} answered ${reason}`);
  }
  const { access_token: token, expires_in: seconds } = said;
  if (status !== 200 || typeof token !== "string" || token === "") {
    throw unreached(tokenEndpoint, `it answered with status ${status} and no access_token`);
  }
  return { token, seconds: Number(seconds) > 0 ? Number(seconds) : 0 };
}

function unreached(endpoint: string, reason: string, cause?: unknown): TokenUnreachedError {
  return new TokenUnreachedError(
    `no token from ${endpoint} (KAFKA_OAUTH_TOKEN_ENDPOINT): ${reason}`,
    { cause },
  );
}

function formText(text: string): string {
  return new URLSearchParams({ "": text }).toString().slice(1);
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
