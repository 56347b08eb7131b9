/** Asks the server, with the token where one was given. The token lives as long as the tab does. */

const tokenKey = "onceflow.token";
/** A stream that has been silent for so long is taken for broken: the server sends something each second. */
const silenceMsMax = 10_000;

/** The server wants a token, or another one. */
export class TokenNeeded extends Error {}

/** The server answered, and said in words why it does not do what it was asked. */
export class Refused extends Error {
  /**
   * @param {string} title
   * @param {number} afterSeconds when to ask again
   */
  constructor(title, afterSeconds) {
    super(title);
    this.afterSeconds = afterSeconds;
  }
}

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
  const response = await getFrom(path, AbortSignal.timeout(waitMsMax));
  return response.status === 404 ? undefined : await response.json();
}

/**
 * Reads server-sent events until the server ends them. An `EventSource` would do it alone but sends no token.
 * @template T what this server sends there
 * @param {string} path
 * @param {(data: T) => void} onData
 * @param {AbortSignal} signal
 */
export async function follow(path, onData, signal) {
  const silent = new AbortController();
  const giveUp = () => silent.abort(new Error("the server has fallen silent"));
  let timer = setTimeout(giveUp, silenceMsMax);
  try {
    const response = await getFrom(path, AbortSignal.any([signal, silent.signal]));
    if (response.body === null) throw new Error("the server sends nothing");
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      clearTimeout(timer);
      timer = setTimeout(giveUp, silenceMsMax);
      const events = (text + part.value).split("\n\n");
      text = events.pop() ?? "";
      for (const event of events) onData(JSON.parse(event.slice("data: ".length)));
    }
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @param {string} path
 * @param {AbortSignal} signal
 */
async function getFrom(path, signal) {
  const response = await fetch(path, { headers: authorization(), signal });
  if (response.status === 401 || response.status === 400) {
    throw new TokenNeeded("A token is needed");
  }
  if (response.status === 403) throw new TokenNeeded("That token has no right to read");
  if (response.ok || response.status === 404) return response;
  const { title } = response.headers.get("content-type") === "application/problem+json"
    ? await response.json()
    : {};
  if (typeof title !== "string") throw new Error(`the server answered ${response.status}`);
  throw new Refused(title, Number(response.headers.get("retry-after")));
}
