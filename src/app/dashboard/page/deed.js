/** Asks the pipeline to do something, and reads line by line how it goes. */
import { answerOf, saidBy } from "./ask.js";
import { authorization } from "./client.js";

/** @typedef {import("./ask.js").Problem} DeedProblem */
/** @typedef {{ result: any, problem?: undefined } | { problem: DeedProblem }} DeedEnd */

/**
 * Does it.
 *
 * @param {string} path
 * @param {unknown} body
 * @param {(progress: any) => void} onProgress
 * @param {AbortSignal} [signal] stops it: it ends with the connection
 * @returns {Promise<DeedEnd>} a problem also where the connection broke: then nobody here knows how it ended
 */
export async function doDeed(path, body, onProgress, signal) {
  try {
    const response = await fetch(path, {
      method: "POST",
      headers: { ...authorization(), "content-type": "application/json" },
      body: JSON.stringify(body),
      signal,
    });
    if (!response.ok || response.body === null) {
      const { problem } = await answerOf(response);
      return { problem: problem ?? { title: `The server answered ${response.status}` } };
    }
    for await (const line of linesOf(response.body)) {
      if (line.kind === "progress") onProgress(line.progress);
      if (line.kind === "done") return { result: line.result };
      if (line.kind === "failed") return { problem: line.problem };
    }
    return { problem: brokenOff("The connection ended early") };
  } catch (error) {
    return { problem: brokenOff(saidBy(error)) };
  }
}

/** @param {string} detail */
function brokenOff(detail) {
  return {
    title: "It was broken off: what was done until then stays, and doing it again is safe",
    detail,
  };
}

/** @param {ReadableStream<Uint8Array>} body */
async function* linesOf(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + decoder.decode(value, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) yield JSON.parse(part);
  }
}
