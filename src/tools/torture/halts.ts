/** Faults after which going on would lose or double something: the process must halt, with exit code 1 and a reason. */
import { join } from "node:path";
import { delay } from "../../engine/core/delay.ts";
import { placeOrder } from "../../app/orders/place_order.ts";
import type { Arena } from "./arena.ts";
import type { UnaskedEnd } from "./role_process.ts";

/** How one of them went. */
export interface HaltOutcome {
  readonly what: string;
  /** Nobody halted where undefined. */
  readonly halted: string | undefined;
  readonly reason: string;
}

/** Told of processes that end by themselves. */
export type OnEnd = (listener: (name: string, end: UnaskedEnd) => void) => () => void;

const waitMsMax = 40_000;
const ordersAfterBackup = 5;

/** Postgres goes back to an earlier state, below what was published. */
export async function restoredDatabase(
  arena: Arena,
  directory: string,
  onEnd: OnEnd,
  signal: AbortSignal,
): Promise<HaltOutcome> {
  const { cluster: { postgres }, roles, sql, ordersTopic, shards } = arena;
  const data = join(directory, "postgres", "data");
  const backup = join(directory, "postgres", "backup");
  await postgres.stop();
  await copy(data, backup);
  await postgres.start();
  const published = new Promise<void>((resolve) => {
    const shardsSeen = new Set<number | undefined>();
    const off = arena.events.on((_, event) => {
      if (event.event !== "committed" || event.role !== "relay") return;
      shardsSeen.add(event.shard);
      if (shardsSeen.size < shards) return;
      off();
      resolve();
    });
  });
  const placing = (async () => {
    // Enough that every shard gets some.
    for (let placed = 0; placed < ordersAfterBackup * shards * 4;) {
      const order = { userId: "user-restored", amount: "10.00", currency: "EUR" };
      const options = { topic: ordersTopic, shards, now: () => new Date() };
      await placeOrder(sql, order, options).then(() => placed++, () => delay(200, signal));
    }
  })();
  await Promise.race([Promise.all([published, placing]), delay(waitMsMax, signal)]);
  const relays = [...roles.values()].filter(({ name }) => name.startsWith("relay"));
  const halted = firstHalt(onEnd, (name) => name.startsWith("relay"), signal);
  // A restore takes place while nobody relays.
  await Promise.all(relays.map((role) => role.stop()));
  await postgres.stop();
  await Deno.remove(data, { recursive: true });
  await Deno.rename(backup, data);
  await postgres.start();
  for (const relay of relays) relay.start();
  return outcomeOf("the database was restored to an earlier state", await halted);
}

/** The first process that fits and halts; undefined when none does in time. */
export function firstHalt(
  onEnd: OnEnd,
  fits: (name: string) => boolean,
  signal: AbortSignal,
): Promise<{ name: string; end: UnaskedEnd } | undefined> {
  return new Promise((resolve) => {
    const off = onEnd((name, end) => {
      if (fits(name) && end.code === 1) finish({ name, end });
    });
    const finish = (found: { name: string; end: UnaskedEnd } | undefined) => {
      off();
      clearTimeout(timer);
      resolve(found);
    };
    const timer = setTimeout(() => finish(undefined), 2 * waitMsMax);
    signal.addEventListener("abort", () => finish(undefined), { once: true });
  });
}

/** One outcome, from what {@linkcode firstHalt} saw. */
export function outcomeOf(
  what: string,
  found: { name: string; end: UnaskedEnd } | undefined,
): HaltOutcome {
  return { what, halted: found?.name, reason: found?.end.reason ?? "" };
}

/** Owners and times stay: Postgres minds both. */
async function copy(from: string, to: string): Promise<void> {
  const { success, stderr } = await new Deno.Command("/bin/cp", { args: ["-a", from, to] })
    .output();
  if (!success) throw new Error(`Cannot copy ${from}: ${new TextDecoder().decode(stderr)}`);
}
