/** Asks the server to do something, and tells what it answered: a value, or a problem in its own words. */
import { authorization } from "./client.js";

/** @typedef {{ title: string, detail?: string, errors?: readonly { field: string, detail: string }[], request_id?: string }} Problem */
/** @typedef {{ status: number, value: any, problem?: undefined } | { status: number, problem: Problem }} Answer */

/**
 * Sends a request and reads the answer.
 *
 * @param {string} path
 * @param {{ body?: unknown, headers?: Record<string, string>, waitMsMax?: number }} [options] posted where there is a body
 * @returns {Promise<Answer>} status 0 where there was no answer: what was asked may have been done all the same
 */
export async function ask(path, { body, headers = {}, waitMsMax = 15_000 } = {}) {
  try {
    const response = await fetch(path, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        ...authorization(),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(waitMsMax),
    });
    return await answerOf(response);
  } catch (error) {
    return { status: 0, problem: { title: "The server does not answer", detail: saidBy(error) } };
  }
}

/**
 * The answer in a response.
 * @param {Response} response
 * @returns {Promise<Answer>}
 */
export async function answerOf(response) {
  const { status } = response;
  const text = await response.text();
  try {
    const value = JSON.parse(text);
    if (response.ok) return { status, value };
    if (typeof value?.title === "string") return { status, problem: value };
  } catch {
    // What stands between the server and the page may answer in words of its own.
  }
  return { status, problem: { title: `The server answered ${status}` } };
}

/**
 * What a problem says, in one sentence or two.
 * @param {Problem} problem
 */
export function problemText({ title, detail, request_id }) {
  const more = detail === undefined ? "" : `: ${detail}`;
  const id = request_id === undefined ? "" : ` (request ${request_id})`;
  return `${title}${more}${id}`;
}

/** @param {unknown} error */
export function saidBy(error) {
  return error instanceof Error ? error.message : String(error);
}
