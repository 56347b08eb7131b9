/** Data as the dashboard reads it, for its tests. */
import type { DashboardData, OrderTrail } from "../../src/app/dashboard/dashboard_data.ts";
import type { DashboardHistory, LastRuns } from "../../src/app/dashboard/past_data.ts";
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
      published: placed,
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
      never_published: { orders: 0, examples: [] },
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
        reason: "currency: there is no tax rate for …; add one to tax_rates, then redrive",
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
    workers: known({
      state: "Stable",
      members: ["b2f1c9", "77ad03"].map((end, index) => ({
        member: `onceflow-0d7a5c1e-4a0e-4b8b-9a43-1f6c5e${end}`,
        client: "onceflow",
        host: `10.1.2.${index + 3}`,
        partitions: [0, 1, 2].map((each) => ({
          partition: index * 3 + each,
          records: each === 1 ? 1_234 * index : 0,
        })),
      })),
      unowned: [],
    }),
    latency: known({
      orders: 500,
      invoiced: 488,
      p50_seconds: 0.041,
      p95_seconds: 0.13,
      max_seconds: 2.4,
    }),
    ...overrides,
  };
}

/** An hour in which nobody knew anything for five minutes. */
export function sampleHistory(): DashboardHistory {
  const end = Date.now();
  let placed = 0;
  const points = Array.from({ length: 300 }, (_, index) => {
    const at = new Date(end - (299 - index) * 10_000).toISOString();
    placed += Math.round(900 + 400 * Math.sin(index / 20));
    const isOut = index > 150 && index < 180;
    return {
      at,
      counts: isOut ? null : {
        as_of: at,
        placed,
        invoiced: Math.round(placed * 0.95),
        dead_lettered: Math.round(placed / 20),
      },
      outbox_oldest_seconds: isOut ? null : 0.02 + (index > 179 && index < 190 ? 4 : 0),
      worker_records: isOut ? null : index > 179 && index < 200 ? (200 - index) * 400 : index % 7,
      projector_records: isOut ? null : 0,
      workers: 2,
      p95_seconds: isOut ? null : 0.1 + (index % 13) / 100,
    };
  });
  return { since: points[0]?.at ?? null, every_seconds: 10, keeps_seconds: 3_600, points };
}

/** A torture that found nothing, and a benchmark with a bound that was missed. */
export function sampleRuns(): LastRuns {
  const at = "2026-05-01T12:00:00.000Z";
  return {
    torture: {
      ...{ found: true, at, file: "torture-2026-05-01T12-00-00-000Z.json" },
      value: {
        ...{ seed: "5a17c0de", kafka: "4.2.2", guarantee: "exactly-once", minutes: 5, good: true },
        ...{ faults_landed: 61, orders_acknowledged: 10_412, findings_count: 0, findings: [] },
        ...{ recovery_median_ms: 1_840, recovery_max_ms: 21_000 },
      },
    },
    bench: {
      ...{ found: true, at, file: "bench-2026-05-01T12-00-00-000Z.json" },
      value: {
        size: "default",
        command: "deno task bench",
        figures: [
          {
            ...{ section: "Drain", label: "exactly-once", unit: "records/s", median: 21_345.6 },
            ...{ target: 20_000, met: true },
          },
          {
            ...{ section: "Latency", label: "p99 at 1,000 records a second", unit: "ms" },
            ...{ median: 61.25, target: 50, met: false },
          },
        ],
      },
    },
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
