/** Posts orders over HTTP, several at a time, each with an idempotency key so that a lost answer is safely repeated. */
import { delay } from "../../engine/core/delay.ts";
import type { DemoOrder } from "./order_mix.ts";

/** How to post. */
export interface PostOptions {
  readonly url: string;
  readonly apiToken?: string;
  readonly concurrencyMax: number;
  readonly signal: AbortSignal;
  readonly onAccepted: (count: number) => void;
}

/** Kafka and PostgreSQL may be killed and started again meanwhile. */
const patienceMs = 120_000;
const retryMs = 250;

/**
 * Posts all of them and answers how many got their 202.
 *
 * @throws when one is refused with anything but 202, or the server stays out of reach
 */
export async function postOrders(
  orders: readonly DemoOrder[],
  options: PostOptions,
): Promise<number> {
  const queue = orders.values();
  let accepted = 0;
  const worker = async () => {
    for (const order of queue) {
      await postOrder(order, options);
      options.onAccepted(++accepted);
    }
  };
  await Promise.all(Array.from({ length: options.concurrencyMax }, worker));
  return accepted;
}

async function postOrder({ body }: DemoOrder, options: PostOptions): Promise<void> {
  const startedAt = performance.now();
  while (true) {
    options.signal.throwIfAborted();
    const isOver = performance.now() - startedAt > patienceMs;
    const response = await fetch(new URL("/orders", options.url), {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "idempotency-key": body.order_id,
        ...(options.apiToken && { authorization: `Bearer ${options.apiToken}` }),
      },
      body: JSON.stringify(body),
      signal: options.signal,
    }).catch((error) => {
      if (options.signal.aborted || isOver) throw error;
    });
    const text = await response?.text();
    if (response?.status === 202) return;
    if (response && response.status < 500 || isOver) {
      throw new Error(`POST /orders answered ${response?.status}: ${text}`);
    }
    await delay(retryMs, options.signal);
  }
}
