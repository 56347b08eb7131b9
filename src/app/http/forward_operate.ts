/** Hands what operates the pipeline on to the process that may do it. `serve` itself has no right to any of it. */
import { ProblemError, problemOf } from "./problem.ts";
import { type Operate, operatePaths } from "./operate_routes.ts";

const answerMsMax = 10_000;
/** What of the other process' answer is the client's business. */
const headersKept = ["content-type", "retry-after", "www-authenticate"];

/**
 * The request goes on with the client's own token, which the other process checks again, and the answer comes back as it is
 * made; a client that goes away ends both.
 *
 * @param operateUrl where that process listens (`OPERATE_URL`)
 */
export function forwardOperate(operateUrl: string): Operate {
  return async ({ name, body, authorization }) => {
    const answer = await askOperator(operateUrl, operatePaths[name], {
      method: "POST",
      headers: { authorization, "content-type": "application/json" },
      body: JSON.stringify(body),
      answerMsMax,
    });
    const headers = new Headers();
    for (const name of headersKept) {
      const value = answer.headers.get(name);
      if (value !== null) headers.set(name, value);
    }
    return new Response(answer.body, { status: answer.status, headers });
  };
}

/**
 * Asks that process; its answer's body may take as long as it will.
 *
 * @throws {ProblemError} 503 where it does not answer in time
 */
export async function askOperator(
  operateUrl: string,
  path: string,
  { answerMsMax, ...request }: RequestInit & { readonly answerMsMax: number },
): Promise<Response> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), answerMsMax);
  try {
    return await fetch(new URL(path, operateUrl), {
      ...request,
      redirect: "error",
      signal: late.signal,
    });
  } catch (cause) {
    throw noOperator(operateUrl, cause);
  } finally {
    clearTimeout(timer);
  }
}

function noOperator(operateUrl: string, cause: unknown): ProblemError {
  const error = new ProblemError(
    problemOf(503, "no-operator", "The process that operates the pipeline does not answer", {
      detail: `Start it with "deno task operate", with the same API_TOKENS. ` +
        `OPERATE_URL says that it is at ${new URL(operateUrl).origin}`,
    }),
    { "retry-after": "5" },
  );
  error.cause = cause;
  return error;
}
