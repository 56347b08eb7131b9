/**
 * A TCP proxy in front of one broker that sees requests and answers one by one, and does to them what a fault says.
 * It never changes a byte: it forwards, drops, holds back, goes silent or cuts the line.
 */
import { close, ConnectionPair } from "./connection_pair.ts";
import type { Interceptors } from "./interceptors.ts";

/** Listens on `port` until disposed. */
export class BrokerProxy implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #pairs = new Set<ConnectionPair>();
  readonly #done: Promise<void>;

  constructor(
    readonly options: { readonly nodeId: number; readonly port: number; readonly target: number },
    readonly interceptors: Interceptors,
  ) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: options.port });
    this.#done = this.#accept();
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      Deno.connect({ hostname: "127.0.0.1", port: this.options.target }).then(
        (broker) => {
          const pair = new ConnectionPair(client, broker, this.options.nodeId, this.interceptors);
          this.#pairs.add(pair);
          pair.done.finally(() => this.#pairs.delete(pair));
        },
        () => close(client),
      );
    }
  }

  /** Cuts every connection of that client (of all clients where none is named); answers with how many there were. */
  cut(clientId?: string): number {
    const chosen = [...this.#pairs].filter((pair) => !clientId || pair.clientId === clientId);
    for (const pair of chosen) pair.close();
    return chosen.length;
  }

  /** Makes every open connection of that client silent; answers with how many there were. */
  silence(clientId: string): number {
    const chosen = [...this.#pairs].filter((pair) => pair.clientId === clientId);
    for (const pair of chosen) pair.silence();
    return chosen.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.cut();
    await this.#done.catch(() => {});
  }
}
