/** What the demo orders: mostly good orders, some that cannot be invoiced, some that fail at first. Pure. */
import type { OrderPlaced } from "../../app/orders/events.ts";
import { TransientError } from "../../engine/core/errors.ts";

/** What is wrong with an order of the demo, if anything. */
export type Trouble = "none" | "no-tax-rate" | "fails-once" | "fails-always";

/** One order to be posted. */
export interface DemoOrder {
  readonly trouble: Trouble;
  readonly body: {
    readonly order_id: string;
    readonly user_id: string;
    readonly amount: string;
    readonly currency: string;
  };
}

const customers = 20;
/** ISO 4217 keeps XXX for "no currency", so no tax table has a rate for it. */
const currencyWithoutRate = "XXX";
const currencies = ["USD", "USD", "EUR", "GBP", "CHF"] as const;
/** Each costs its lane all retries: 3.5 seconds. */
const alwaysFailing = 2;

/** The orders of one run; `run` keeps their ids apart from those of other runs. */
export function orderMix(run: string, count: number): DemoOrder[] {
  return Array.from({ length: count }, (_, index) => {
    const trouble = troubleOf(index);
    const cents = 100 + (index * 7919) % 99_900;
    return {
      trouble,
      body: {
        order_id: `demo-${run}-${index}`,
        user_id: `customer-${index % customers}`,
        amount: `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, "0")}`,
        currency: trouble === "no-tax-rate"
          ? currencyWithoutRate
          : currencies[index % currencies.length] ?? "USD",
      },
    };
  });
}

function troubleOf(index: number): Trouble {
  if (index % 40 === 7) return "no-tax-rate";
  if (index % 100 === 23) return "fails-once";
  return index % 100 === 59 && index < 100 * alwaysFailing ? "fails-always" : "none";
}

/** How many records of broken bytes go straight to the topic beside that many orders. */
export function brokenRecords(count: number): number {
  return Math.max(3, Math.ceil(count / 200));
}

/** Fails the orders of this run that are meant to fail. It is handed to the flow as its `beforeTry`. */
export function injectFailures(
  orders: readonly DemoOrder[],
): (order: OrderPlaced, attempt: number) => void {
  const troubles = new Map(
    orders.filter(({ trouble }) => trouble.startsWith("fails"))
      .map(({ trouble, body }) => [body.order_id, trouble]),
  );
  return ({ order_id }, attempt) => {
    const trouble = troubles.get(order_id);
    if (trouble === "fails-always" || (trouble === "fails-once" && attempt === 1)) {
      throw new TransientError(`the demo lets try ${attempt} of this order fail`);
    }
  };
}
