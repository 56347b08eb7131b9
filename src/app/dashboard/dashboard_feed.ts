/** Tells the pages that are open what has changed: one read for all of them, as server-sent events. Writes nothing anywhere. */
import { delay } from "../../engine/core/delay.ts";
import type { DashboardData } from "./dashboard_data.ts";

/** The streams of one process. */
export interface DashboardFeed {
  /** The body of a `text/event-stream`; undefined where as many are open as may be, or where it was closed. */
  open(): ReadableStream<Uint8Array> | undefined;
  /** Ends every stream; a page asks elsewhere, or again. Idempotent. */
  close(): void;
}

/** Bounds of a feed. */
export interface FeedBounds {
  /** From one document to the next, milliseconds. */
  readonly everyMs: number;
  readonly streamsMax: number;
  /** Nobody tells of a page whose machine has gone: streams end after so long, and those who are there ask again. */
  readonly streamMsMax: number;
}

const defaults: FeedBounds = { everyMs: 1_000, streamsMax: 50, streamMsMax: 600_000 };

interface Watcher {
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
  readonly since: number;
}

/**
 * Makes one. While a stream is open `read` is asked every second and its document goes to all; nobody watching, nothing
 * is read. A page that does not take what it is sent is left out until it does: only the latest figures count.
 *
 * @param read never rejects, and takes a bounded time
 */
export function openDashboardFeed(
  read: () => Promise<DashboardData>,
  bounds: Partial<FeedBounds> = {},
): DashboardFeed {
  const { everyMs, streamsMax, streamMsMax } = { ...defaults, ...bounds };
  const watchers = new Set<Watcher>();
  let isClosed = false;
  let isReading = false;
  /** Ends the pause between two documents: somebody has come, or all is over. */
  let wake = new AbortController();

  function end(watcher: Watcher): void {
    if (watchers.delete(watcher)) watcher.controller.close();
  }

  async function tellAll(): Promise<void> {
    isReading = true;
    while (watchers.size > 0) {
      const event = encode(await read());
      for (const watcher of watchers) {
        if (performance.now() - watcher.since > streamMsMax) end(watcher);
        else if ((watcher.controller.desiredSize ?? 0) > 0) watcher.controller.enqueue(event);
      }
      await delay(everyMs, wake.signal).catch(() => {});
      if (wake.signal.aborted) wake = new AbortController();
    }
    isReading = false;
  }

  return {
    open() {
      if (isClosed || watchers.size >= streamsMax) return undefined;
      let watcher: Watcher;
      return new ReadableStream<Uint8Array>({
        start(controller) {
          watchers.add(watcher = { controller, since: performance.now() });
          if (isReading) wake.abort();
          else tellAll();
        },
        cancel: () => void watchers.delete(watcher),
      });
    },
    close() {
      isClosed = true;
      for (const watcher of watchers) end(watcher);
      wake.abort();
    },
  };
}

const utf8 = new TextEncoder();

/** JSON has no line end of its own, so one `data` line holds it. */
function encode(data: DashboardData): Uint8Array {
  return utf8.encode(`data: ${JSON.stringify(data)}\n\n`);
}
