/** The flow of the reference application: one placed order becomes one invoice. It must not happen twice. */
import {
  cloudEventHeaders,
  defineFlow,
  type Flow,
  PoisonError,
  type RetryPolicy,
  textHeader,
  topic,
} from "../../engine/mod.ts";
import {
  invoiceIssued,
  invoiceIssuedStrict,
  invoiceIssuedType,
  type OrderPlaced,
} from "./events.ts";
import { invoiceFor } from "./invoice_for.ts";
import { orderReading } from "./order_record.ts";
import { readTaxRate, type TaxRateTable } from "./tax_rates.ts";

/** The name of the flow, and so the end of its consumer group's. */
export const invoicingName = "invoicing";

/** Where the flow reads and writes, and what it needs. */
export interface InvoicingOptions {
  readonly orders: string;
  readonly invoices: string;
  readonly deadLetters: string;
  readonly now: () => Date;
  /** The `ce_source` of the invoices: who says that they were issued. */
  readonly eventSource?: string;
  readonly retry?: Partial<RetryPolicy>;
  /** Called before each try; what it throws counts as the try's failure. For demonstrations and tests. */
  readonly beforeTry?: (order: OrderPlaced, attempt: number) => void;
}

/** Invoices every order. The tax rate is read from Postgres, once per currency and transaction. */
export function invoicing(sql: TaxRateTable, options: InvoicingOptions): Flow<OrderPlaced> {
  const source = options.eventSource ?? `/onceflow/${invoicingName}`;
  const orders = topic(options.orders, orderReading);
  const invoices = topic(options.invoices, {
    read: invoiceIssued,
    write: invoiceIssuedStrict,
    key: (invoice) => invoice.order_id,
    personal: { fields: ["user_id"] },
  });
  return defineFlow({
    name: invoicingName,
    from: orders,
    to: [invoices],
    deadLetters: options.deadLetters,
    retry: options.retry,
    async transform(order, { attempt, once }) {
      options.beforeTry?.(order, attempt);
      const { currency } = order;
      const taxRate = await once(`tax rate of ${currency}`, () => readTaxRate(sql, currency));
      if (taxRate === undefined) {
        throw new PoisonError(
          `currency: there is no tax rate for ${currency}; add one to the table tax_rates (src/dead_letters.md says how), then redrive`,
        );
      }
      const time = options.now();
      const invoice = invoiceFor(order, { taxRate, issuedAt: time });
      const id = invoice.event_id;
      return invoices.event(invoice, {
        headers: [
          textHeader("event_id", id),
          textHeader("event_type", invoiceIssuedType),
          ...cloudEventHeaders({ id, source, type: invoiceIssuedType, time }),
        ],
      });
    },
  });
}
