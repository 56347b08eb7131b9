/** Asks the server, with the token where one was given. The token lives as long as the tab does. */

const tokenKey = "onceflow.token";

/** The server wants a token, or another one. */
export class TokenNeeded extends Error {}

/** @param {string} token */
export function keepToken(token) {
  sessionStorage.setItem(tokenKey, token);
}

/**
 * The header that says who asks; empty where no token was given.
 * @returns {Record<string, string>}
 */
export function authorization() {
  const token = sessionStorage.getItem(tokenKey);
  return token === null ? {} : { authorization: `Bearer ${token}` };
}

/**
 * The JSON at a path of this server; undefined where there is nothing.
 * @template T what this server answers there
 * @param {string} path
 * @param {number} waitMsMax
 * @returns {Promise<T | undefined>}
 */
export async function getJson(path, waitMsMax = 10_000) {
  const response = await fetch(path, {
    headers: authorization(),
    signal: AbortSignal.timeout(waitMsMax),
  });
  if (response.status === 401 || response.status === 400) throw new TokenNeeded();
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return await response.json();
}
