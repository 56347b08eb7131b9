/** Data as the dashboard reads it, for its tests. */
import type { DashboardData, OrderTrail } from "../../src/app/dashboard/dashboard_data.ts";
import type { OrderState } from "../../src/app/orders/find_order.ts";

const statuses = ["placed", "invoiced", "invoiced", "dead-lettered", "invoiced"] as const;

/** An order, with what its status asks for. */
export function sampleOrder(id: string, status: OrderState["status"]): OrderState {
  const at = new Date().toISOString();
  return {
    order_id: id,
    user_id: `customer-${id.length}`,
    amount: "1234.50",
    currency: "EUR",
    status,
    placed_at: at,
    invoice: status !== "invoiced" ? null : {
      invoice_id: `invoice-${id}`,
      net: "1234.50",
      tax: "234.56",
      gross: "1469.06",
      tax_rate: "0.19",
      invoiced_at: at,
    },
    dead_letter: status !== "dead-lettered"
      ? null
      : { reason: 'there is no tax rate for "XAF"', dead_lettered_at: at },
  };
}

/** All figures for so many orders, a twentieth of them dead letters. */
export function sampleData(placed: number, overrides: Partial<DashboardData> = {}): DashboardData {
  const at = new Date().toISOString();
  const known = <T>(value: T) => ({ known: true as const, as_of: at, value });
  const dead = Math.floor(placed / 20);
  const pending = Math.min(placed, 12);
  return {
    at,
    guarantee: { name: "exactly-once", known_from: "worker" },
    topics: { orders: "orders", invoices: "invoices", dead_letters: "orders.DLQ" },
    counts: known({
      placed,
      announced: placed,
      invoiced: placed - dead - pending,
      dead_lettered: dead,
      pending,
    }),
    lags: known({
      relay: {
        waiting: 3,
        waiting_max: 10_000,
        oldest_seconds: 0.04,
        horizon_seconds: 0.002,
        horizon_holder: null,
      },
      worker: { records: pending },
      projector: { records: 0 },
    }),
    conservation: known({
      cut_at: at,
      never_announced: { orders: 0, examples: [] },
      never_settled: { orders: 0, examples: [] },
      billed_twice: { orders: 0, examples: [] },
    }),
    dead_letters: known({
      records: dead,
      by_class: [
        { error_class: "PoisonError", records: dead - 3 },
        { error_class: "TransientError", records: 3 },
      ],
      by_cause: [{
        fingerprint: "0123456789ab",
        error_class: "PoisonError",
        reason: "there is no tax rate for …",
        records: dead - 3,
        last: at,
        samples: ["2/41"],
      }],
      unread: 0,
      latest: [{
        partition: 2,
        offset: 41,
        at,
        key: "order-17",
        error_class: "PoisonError",
        error: 'there is no tax rate for "XAF"',
      }],
    }),
    latest_orders: known(
      Array.from(
        { length: 12 },
        (_, index) =>
          sampleOrder(`order-${placed - index}`, statuses[(placed - index) % 5] ?? "placed"),
      ),
    ),
    customers: known(
      Array.from({ length: 8 }, (_, index) => ({
        user_id: `customer-${index + 1}`,
        currency: ["EUR", "USD", "JPY"][index % 3] ?? "USD",
        orders_count: 100 - index,
        invoices_count: 95 - index,
        amount_total: "123456.50",
        invoiced_total: `${146913 - index * 1000}.24`,
      })),
    ),
    ...overrides,
  };
}

/** The trail of an invoiced order. */
export function sampleTrail(id: string): OrderTrail {
  return {
    order: sampleOrder(id, "invoiced"),
    outbox: { state: "published", position: 1017 },
    topic: { partition: 3, offset: 254, times: 1 },
    invoices_count: 1,
  };
}
