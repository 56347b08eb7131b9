/** Reads tax rates. It never guesses one: a currency without a rate is the caller's to refuse. */
import type { Queryable } from "../../engine/postgres/database.ts";
import { translatingErrors } from "../../engine/postgres/translate_error.ts";

/** The database that has them. */
export type TaxRateTable = Queryable;

/**
 * The rate of a currency as decimal text (`0.19`), or undefined where the table has none.
 *
 * @throws {DependencyDownError} when Postgres cannot be reached
 */
export async function readTaxRate(
  sql: TaxRateTable,
  currency: string,
): Promise<string | undefined> {
  const rates = await readTaxRates(sql, [currency]);
  return rates.get(currency);
}

/** The rates of many currencies in one round trip; currencies without one are absent. */
export async function readTaxRates(
  sql: Queryable,
  currencies: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await translatingErrors(() =>
    sql<{ currency: string; rate: string }[]>`
      select currency, rate from tax_rates where currency = any(${[...currencies]}::text[])
    `
  );
  return new Map(rows.map(({ currency, rate }) => [currency, rate]));
}

/** Sets a currency's rate, for operators and tests. Invoices that were issued keep theirs. */
export async function setTaxRate(sql: Queryable, currency: string, rate: string): Promise<void> {
  await translatingErrors(() =>
    sql`
      insert into tax_rates (currency, rate) values (${currency}, ${rate})
      on conflict (currency) do update set rate = excluded.rate, updated_at = clock_timestamp()
    `
  );
}
