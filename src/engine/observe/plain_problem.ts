/** Errors of a listener as `application/problem+json` (RFC 9457), and the headers that every answer has. */

/** A problem that its status says all of. */
export function plainProblem(
  status: number,
  title: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(JSON.stringify({ type: "about:blank", title, status }), {
    status,
    headers: { ...headers, "content-type": "application/problem+json" },
  });
}

/** The answer, taken for what it says it is, and kept by nobody on the way unless it says otherwise. */
export function careful(response: Response): Response {
  const { headers } = response;
  if (!headers.has("x-content-type-options")) headers.set("x-content-type-options", "nosniff");
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  return response;
}
