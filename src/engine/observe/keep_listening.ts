/** Listens for HTTP, and goes on when the system has no file descriptor left for a connection. It answers nothing itself. */
import { getLogger } from "../packages/logtape.ts";

/** A listener. */
export interface Listener {
  readonly addr: Deno.NetAddr;
  /** Takes no more connections, and resolves when those that are there have ended. */
  shutdown(): Promise<void>;
  /** Resolves when it was shut down, or its signal has fired. */
  readonly finished: Promise<void>;
}

/** Where to listen. */
export interface ListenerOptions {
  readonly hostname: string;
  readonly port: number;
  /** Closes it when it fires. */
  readonly signal?: AbortSignal;
  readonly onError?: (error: unknown) => Response | Promise<Response>;
}

const log = getLogger(["onceflow", "http"]);
/** What closes meanwhile has its descriptor back by then. */
const pauseMs = 200;

/**
 * As `Deno.serve`, whose listener ends at the first connection that the system cannot take (EMFILE: `ulimit -n`), with an
 * error that nobody catches: whoever may connect could end the process by opening a thousand connections. Here that is said,
 * and it listens anew at the same place. The connections of before are closed then, which is what frees descriptors.
 *
 * @throws {Deno.errors.AddrInUse} and what else `Deno.serve` throws at first
 */
export function keepListening(
  options: ListenerOptions,
  handler: Deno.ServeHandler<Deno.NetAddr>,
): Listener {
  const ended = new AbortController();
  const open = (port: number) => {
    const turn = new AbortController();
    const signals = [turn.signal, ...options.signal ? [options.signal] : []];
    const server = Deno.serve({
      ...{ hostname: options.hostname, port, signal: AbortSignal.any(signals) },
      onListen: () => {},
      ...options.onError && { onError: options.onError },
    }, handler);
    return { server, turn };
  };
  let current: ReturnType<typeof open> | undefined = open(options.port);
  const { addr } = current.server;
  const isEnded = () => ended.signal.aborted || options.signal?.aborted === true;

  const run = async () => {
    while (!isEnded()) {
      try {
        if (current !== undefined) return await current.server.finished;
        current = open(addr.port);
        continue;
      } catch (error) {
        if (isEnded()) return;
        log.error(
          "Cannot take connections at {host}:{port}: {error}; it listens again. A limit on connections belongs in " +
            "front of it, and ulimit -n above that",
          { host: addr.hostname, port: addr.port, error: String(error) },
        );
      }
      current?.turn.abort();
      current = undefined;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };
  const finished = run();
  return {
    addr,
    finished,
    async shutdown() {
      ended.abort();
      await current?.server.shutdown();
    },
  };
}
