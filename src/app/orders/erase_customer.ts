/** Takes a customer's name off the rows of Postgres, in one transaction. The amounts stay: the books must balance. */
import { erasedReason } from "./erased_reason.ts";
import { viewCopies } from "./view_copies.ts";
import type { Sql, Tx } from "../../engine/postgres/sql.ts";
import { translatingErrors } from "../../engine/postgres/translate_error.ts";

/** What was erased, in rows. All are 0 where nothing of the customer was there. */
export interface ErasedRows {
  /** What stands in the place of the name. Undefined where nothing was there. */
  readonly pseudonym: string | undefined;
  /** Orders that are on the list now, of the customer at this time. */
  readonly orders: number;
  /** Rows of the read model and of its totals, those of a rebuild among them. */
  readonly view: number;
  /** Answers that are kept for repeated requests. */
  readonly idempotencyKeys: number;
}

/** An invoice is folded whose order is not, so that nobody knows whose it is: wait for the projector, and call it again. */
export class ReadModelBehindError extends Error {
  override name = "ReadModelBehindError";
}

/** For how long a row or table is waited for, milliseconds. */
const lockMsMax = 20_000;

/**
 * Erases all that Postgres has of the customer now: once it resolves that is durable, and what dies before has changed
 * nothing, so it is simply called again. Orders that come later are new ones, and stay.
 *
 * Why no fold can bring the name back: the read model is locked against writers first. A fold that had begun has committed by
 * then, and its rows are seen here; one that waits takes its snapshot after the lock, and so reads the list as it is by then. A
 * rebuild's tables, and those that one has kept for a rollback, are locked and changed likewise, and none can begin meanwhile.
 *
 * @throws {ReadModelBehindError} nothing was changed
 * @throws {DependencyDownError} when Postgres cannot be reached; whether it was done is not known then
 */
export async function eraseCustomer(
  sql: Sql,
  userId: string,
  { projection, pseudonym }: ErasureOptions,
): Promise<ErasedRows> {
  return await translatingErrors(() =>
    sql.begin((tx) => eraseInTransaction(tx, userId, { projection, pseudonym }))
  );
}

/** How to erase. */
export interface ErasureOptions {
  /** The name of the read model's projection. */
  readonly projection: string;
  /** What stands in the place of the name, as {@linkcode newPseudonym} makes it: another one for each erasure. */
  readonly pseudonym: string;
}

/** A name that nobody has. */
export function newPseudonym(): string {
  return `erased-${crypto.randomUUID()}`;
}

async function eraseInTransaction(
  tx: Tx,
  userId: string,
  { projection, pseudonym }: ErasureOptions,
): Promise<ErasedRows> {
  await tx`
    select set_config('lock_timeout', ${`${lockMsMax}ms`}, true), set_config('statement_timeout', '0', true)
  `;
  // As openStaging takes it: no rebuild begins, clears another away or notes partitions until this has ended.
  await tx`select pg_advisory_xact_lock(hashtextextended(${`rebuild:${projection}`}, 0))`;
  const places = [undefined, ...await viewCopies(tx, projection)];
  for (const schema of places) {
    await tx`lock table ${tx(named(schema, "order_view"))} in share row exclusive mode`;
  }
  let orders = 0;
  for (const schema of places) {
    const listed = await tx`
      insert into erased_orders (order_id, pseudonym)
      select order_id, ${pseudonym} from (
        select order_id from ${tx(named(schema, "order_view"))} where user_id = ${userId}
        union select order_id from orders where user_id = ${userId}
      ) as found order by order_id
      on conflict (order_id) do update set pseudonym = excluded.pseudonym
      returning order_id
    `;
    orders = Math.max(orders, listed.length);
  }
  await refuseWhileBehind(tx, userId, places);
  let view = 0;
  for (const schema of places) view += await renameInView(tx, schema, userId, pseudonym);
  await tx`update orders set user_id = ${pseudonym} where user_id = ${userId}`;
  const answers = await tx`
    update idempotency_keys set
      response = jsonb_set(response::jsonb, '{user_id}', to_jsonb(${pseudonym}::text))::text
    where order_id in (select order_id from erased_orders where pseudonym = ${pseudonym})
    returning key
  `;
  return {
    pseudonym: orders + view > 0 ? pseudonym : undefined,
    orders,
    view,
    idempotencyKeys: answers.length,
  };
}

const named = (schema: string | undefined, table: string) =>
  schema === undefined ? table : `${schema}.${table}`;

/** The totals hold what is invoiced under the invoice's own customer: they may be renamed when it is known whose all are. */
async function refuseWhileBehind(
  tx: Tx,
  userId: string,
  places: readonly (string | undefined)[],
): Promise<void> {
  for (const schema of places) {
    const [behind] = await tx<{ orders: number }[]>`
      select count(*)::int as orders from ${tx(named(schema, "order_view"))} v
      where v.user_id is null and v.invoices_count > 0
        and not exists (select from erased_orders e where e.order_id = v.order_id)
        and exists (select from ${
      tx(named(schema, "customer_totals"))
    } t where t.user_id = ${userId})
    `;
    if (!behind?.orders) continue;
    throw new ReadModelBehindError(
      `Nothing was erased: the read model has ${behind.orders} invoice(s) whose orders it has not folded yet, so nobody ` +
        `knows whose they are. Run it again when the projector has caught up ("deno task projection status")` +
        (schema === undefined
          ? ""
          : `; they are in the tables of ${schema}, which a rebuild folds into or has kept ("deno task projection drop-old")`),
    );
  }
}

async function renameInView(
  tx: Tx,
  schema: string | undefined,
  userId: string,
  pseudonym: string,
): Promise<number> {
  const lines = await tx`
    update ${tx(named(schema, "order_view"))} v set
      user_id = case when v.user_id is null then null else e.pseudonym end,
      dead_letter_reason = case when v.dead_letter_reason is null then null else ${erasedReason} end
    from erased_orders e where e.order_id = v.order_id and e.pseudonym = ${pseudonym}
    returning v.order_id
  `;
  const totals = await tx`
    update ${
    tx(named(schema, "customer_totals"))
  } set user_id = ${pseudonym} where user_id = ${userId}
    returning currency
  `;
  return lines.length + totals.length;
}
