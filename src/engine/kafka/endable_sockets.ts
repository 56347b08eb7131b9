/**
 * The sockets of one client, which can all be ended at once. What is still asked then (a look at topics that nobody waits
 * for any more) would keep a process for minutes where the network swallows the answers.
 */
import type { SocketFactory, SocketLike } from "./patches/receive_buffer.ts";

/** A factory, and the end of all that it has made and will be asked for. */
export interface EndableSockets {
  readonly factory: SocketFactory;
  /** Every request that waits is refused, and so is every new connection. */
  end(): void;
}

/** Sockets of `inner`. */
export function endableSockets(inner: SocketFactory): EndableSockets {
  const open = new Set<EndableSocket>();
  let isOver = false;
  return {
    factory(target) {
      if (isOver) throw new Error(ended);
      const socket = new EndableSocket(inner(target), () => open.delete(socket));
      open.add(socket);
      return socket;
    },
    end() {
      isOver = true;
      for (const socket of open) socket.break();
    },
  };
}

const ended = "the client was closed";

class EndableSocket implements SocketLike {
  #onError: ((detail: unknown) => void) | undefined;

  constructor(readonly inner: SocketLike, readonly onEnd: () => void) {}

  on(event: "data" | "end" | "error" | "timeout", listener: (detail: unknown) => void): void {
    if (event === "error") this.#onError = listener;
    if (event === "data") this.inner.on(event, listener);
    else {
      this.inner.on(event, (detail) => {
        this.onEnd();
        listener(detail);
      });
    }
  }

  write(bytes: Uint8Array, encoding?: string): void {
    this.inner.write(bytes, encoding);
  }

  end(): void {
    this.onEnd();
    this.inner.end();
  }

  unref(): void {
    this.inner.unref();
  }

  /** As if the connection had broken. */
  break(): void {
    this.end();
    this.#onError?.(new Error(ended));
  }
}
