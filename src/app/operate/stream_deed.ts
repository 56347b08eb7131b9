/**
 * Answers a request with what a deed tells on its way, a JSON document a line; or with a problem, where it is refused at once.
 * It ends the deed when nobody listens.
 */
import type { DeedLine } from "../http/operate_schemas.ts";
import { type Problem, ProblemError, problemOf } from "../http/problem.ts";
import { DependencyDownError, HaltError, TransientError } from "../../engine/core/errors.ts";
import { RefusedError } from "../../engine/core/refused_error.ts";

/** How far a deed is; only the latest counts. */
export type Report = (progress: Readonly<Record<string, unknown>>) => void;

/** Does it, and gives its result. Stops where it is safe when the signal fires. */
export type Perform = (
  report: Report,
  signal: AbortSignal,
) => Promise<Readonly<Record<string, unknown>>>;

/** A deed under way. */
export interface Streaming {
  /** Rejects with a {@linkcode ProblemError} where the deed failed before anything was answered. */
  readonly response: Promise<Response>;
  /** Resolves once the deed has ended, however it did. */
  readonly ended: Promise<void>;
}

const tellEveryMs = 250;
/** So long a deed that tells nothing may still be refused with a status; then the answer begins. */
const refuseMsMax = 2_000;
/** Nothing new for so many turns is said as well, so that whoever stands in between keeps the connection. */
const turnsQuietMax = 20;

/**
 * Begins the deed.
 *
 * @param stop stops it because the process ends
 * @param describe an error in words for an operator
 */
export function streamDeed(
  action: string,
  perform: Perform,
  { stop, describe }: {
    readonly stop: AbortSignal;
    readonly describe: (error: unknown) => string;
  },
): Streaming {
  const left = new AbortController();
  const signal = AbortSignal.any([left.signal, stop]);
  const encoder = new TextEncoder();
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  let latest: Readonly<Record<string, unknown>> | undefined;
  let quiet = 0;
  const { promise: refused, resolve: answer } = Promise.withResolvers<Problem | undefined>();
  const answering = setTimeout(() => answer(undefined), refuseMsMax);
  const begin = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
    const send = (line: DeedLine) => {
      if (!left.signal.aborted) controller.enqueue(encoder.encode(`${JSON.stringify(line)}\n`));
    };
    const timer = setInterval(() => {
      quiet++;
      // Who does not read hears less of the way, and all of the end.
      if ((controller.desiredSize ?? 0) <= 0) return;
      if (latest === undefined && quiet < turnsQuietMax) return;
      send(latest === undefined ? { kind: "working" } : { kind: "progress", progress: latest });
      latest = undefined;
      quiet = 0;
    }, tellEveryMs);
    send({ kind: "begun", action });
    try {
      const tell: Report = (progress) => {
        latest = progress;
        answer(undefined);
      };
      send({ kind: "done", result: await perform(tell, signal) });
    } catch (error) {
      const problem = problemOfDeed(error, signal, describe);
      send({ kind: "failed", problem });
      answer(problem);
    } finally {
      answer(undefined);
      clearInterval(timer);
      clearTimeout(answering);
      if (!left.signal.aborted) controller.close();
      end();
    }
  };
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => void begin(controller),
    cancel: () => left.abort(new DOMException("Stopped: the client has gone", "AbortError")),
  }, new CountQueuingStrategy({ highWaterMark: 16 }));
  return {
    response: refused.then((problem) => {
      if (problem) throw new ProblemError(problem);
      return new Response(body, {
        headers: { "content-type": "application/x-ndjson", "cache-control": "no-store" },
      });
    }),
    ended,
  };
}

/** What an operator is told: all of it, for who may do this may know. */
function problemOfDeed(
  error: unknown,
  signal: AbortSignal,
  describe: (error: unknown) => string,
): Problem {
  if (signal.aborted) {
    const detail = "What was committed stays. Do it again: it goes on from there";
    return problemOf(503, "stopped", "It was stopped before its end", { detail });
  }
  if (error instanceof ProblemError) return error.problem;
  const title = describe(error);
  if (error instanceof HaltError) return problemOf(409, "halted", title);
  if (error instanceof RefusedError) return problemOf(409, "refused", title);
  if (error instanceof DependencyDownError || error instanceof TransientError) {
    return problemOf(503, "unavailable", title);
  }
  if (error instanceof TypeError || error instanceof RangeError) {
    return problemOf(422, "impossible", title);
  }
  return problemOf(500, "failed", title);
}
