/**
 * Transactions that survive the loss of their connection. Owns the guard around the driver's `begin`; never retries.
 *
 * In postgres 3.4.9 a transaction keeps its connection object when the connection is lost, and that object soon serves
 * others again: a statement that the transaction sends after that, its `rollback` among them, would run outside of any
 * transaction, in the middle of somebody else's. The guard keeps every statement away once the connection is gone.
 * `tests/integration/outbox_lost_connection_test.ts` goes red without it.
 */
import type { Sql, Tx } from "./sql.ts";
import { type Sender, sessionOf } from "./transaction_session.ts";

/** The driver's `begin`, with every statement and every end of a scope guarded. */
export async function safeBegin<T>(
  begin: Sql["begin"],
  work: (tx: Tx) => T | Promise<T>,
  options: string,
): Promise<T> {
  let lost: { readonly cause: unknown } | undefined;
  const outcome = begin(options, (tx) => {
    const sender = senderOf(tx);
    // The driver rejects `outcome` as soon as the connection closes, but `work` may hear of it first.
    const isLost = () => lost !== undefined || sessionOf({ handler: sender })?.isOver === true;
    return endOnlyWhenAlive(guardTx(tx, isLost), work, isLost);
  });
  outcome.catch((cause) => lost ??= { cause });
  // deno-lint-ignore no-explicit-any -- the driver unwraps arrays of promises in its type; a promise is what we gave
  return await (outcome as Promise<any>);
}

/** Lets the driver send its `commit` or `rollback` only if the connection is there to take it. */
async function endOnlyWhenAlive<T>(
  tx: Tx,
  work: (tx: Tx) => T | Promise<T>,
  isLost: () => boolean,
): Promise<T> {
  try {
    const value = await work(tx);
    if (isLost()) await never();
    return value;
  } catch (error) {
    await nextTurn();
    if (isLost()) await never();
    throw error;
  }
}

function guardTx(tx: Tx, isLost: () => boolean): Tx {
  return new Proxy(tx, {
    apply(target, self, given) {
      if (isLost() && isStatement(given)) return rejectedStatement();
      return Reflect.apply(target, self, given);
    },
    get(target, name, receiver) {
      const value = Reflect.get(target, name, receiver);
      if (name === "savepoint") return guardSavepoint(target, isLost);
      if (name === "unsafe" || name === "file" || name === "notify") {
        return (...given: unknown[]) =>
          isLost() ? rejectedStatement() : Reflect.apply(value, target, given);
      }
      return value;
    },
  });
}

function guardSavepoint(tx: Tx, isLost: () => boolean) {
  return (...given: unknown[]) => {
    if (isLost()) return rejectedStatement();
    const work = given.at(-1);
    const named = given.slice(0, -1);
    const guarded = (inner: Tx) =>
      endOnlyWhenAlive(
        guardTx(inner, isLost),
        (scope) => typeof work === "function" ? work(scope) : undefined,
        isLost,
      );
    return Reflect.apply(tx.savepoint, tx, [...named, guarded]);
  };
}

/** What the driver sends the statements of this scope with: one that is only written down, and never sent, has it. */
function senderOf(tx: Tx): Sender | undefined {
  return (tx`` as { readonly handler?: Sender }).handler;
}

/** A tagged template, and not a name or values for one, which the driver only writes down. */
function isStatement([first]: readonly unknown[]): boolean {
  return Array.isArray(first) && "raw" in first;
}

/** What a statement on a lost connection gives: the code that the driver itself uses for one in flight. */
function rejectedStatement(): Promise<never> {
  const error = Object.assign(new Error("the connection of this transaction was lost"), {
    code: "CONNECTION_CLOSED",
  });
  const rejected = Promise.reject(error);
  // Nobody has to await it, as with the driver's own: without a handler it would end the process.
  rejected.catch(() => {});
  return rejected;
}

/** The transaction has already been rejected; its scope must not go on to write to a closed socket. */
function never(): Promise<never> {
  return new Promise(() => {});
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
