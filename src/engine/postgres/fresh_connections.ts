/**
 * Makes the driver start every connection afresh after it was lost. Owns the stand-in for the driver's connection
 * object; never touches its protocol.
 *
 * A connection of postgres 3.4.9 keeps its state when its socket closes and reconnects with it. Seen under load, with a
 * backend killed:
 *  - statements that arrive between the socket's `error` and its `close` wait in the connection for ever, and so does
 *    everything that comes after the reconnection: with each connection hit once, the pool hangs for good;
 *  - the statement that was in flight is not forgotten: the next `FATAL` at a connection attempt is taken for its
 *    answer, the attempt is repeated without a pause, the first statement after it fails with that old error, and
 *    `end` waits for it until its time is up;
 *  - a statement sent on a transaction whose connection is gone is written to a null socket: the process ends;
 *  - a server that accepts and closes at once (a proxy whose upstream is down) is tried again for ever.
 * So a lost connection is thrown away here, and the pool's place for it gets a new one. So is one whose `search_path` has
 * no schema (3F000), or leads to none of what it is asked for (42P01, 42883) while it has nothing else to do, since what is
 * mended for the user counts for new sessions; and one whose server takes no
 * writes (25006): after a failover the pool would stay with the demoted primary, while the address names the new one. What
 * was sent behind the refused statement there has written nothing, and goes to another connection ({@linkcode InHand}).
 * `tests/integration/outbox_lost_connection_test.ts` goes red without this file.
 */

import { InHand, type Statement } from "./statements_in_hand.ts";
import { noteSenderOfPool, noteSession, type Session, sessionOf } from "./transaction_session.ts";
import { codeOf } from "./translate_error.ts";

/** Where what is asked for is missing for good, a session is thrown away no more often than this, milliseconds. */
const missedMs = 2_000;

interface Timer {
  start(): void;
  cancel(): void;
}

/** The driver's connection: the parts that its pool uses. */
export interface DriverConnection {
  queue: unknown;
  reserved: unknown;
  onclose?: unknown;
  count: number;
  readonly id: number;
  readonly idleTimer: Timer;
  connect(first: Statement): void;
  execute(statement: Statement): unknown;
  cancel(...given: unknown[]): unknown;
  end(): Promise<void>;
  terminate(): void;
}

/** What the pool is told about a connection. */
interface Hooks {
  readonly onopen?: (connection: DriverConnection) => void;
  readonly onend?: (connection: DriverConnection) => void;
  readonly onclose?: (connection: DriverConnection, error: unknown) => void;
}

/** The driver's constructor of connections. */
export type ConnectionFactory = (
  options: { readonly connect_timeout?: number },
  queues?: { readonly closed?: { push(connection: DriverConnection): void } },
  hooks?: Hooks,
) => DriverConnection;

/** The constructor with that behaviour, for the driver's pool. */
export function freshConnections(make: ConnectionFactory): ConnectionFactory {
  return (options, queues = {}, hooks = {}) => {
    // Without queues it is a connection for one cancel request.
    if (queues.closed === undefined) return make(options, queues, hooks);
    return standIn(make, options, queues, hooks);
  };
}

function standIn(
  make: ConnectionFactory,
  options: Parameters<ConnectionFactory>[0],
  queues: NonNullable<Parameters<ConnectionFactory>[1]>,
  hooks: Hooks,
): DriverConnection {
  let inner: DriverConnection;
  /** From the first attempt to connect until the close: only then may statements reach the inner connection. */
  let inUse = false;
  let deadline: ReturnType<typeof setTimeout> | undefined;
  let session: Session = { isOver: false };
  let openedAt = performance.now();
  const inHand = new InHand();

  const outer: DriverConnection = {
    queue: queues.closed,
    reserved: null,
    count: 0,
    get id() {
      return inner.id;
    },
    idleTimer: { start: () => inner.idleTimer.start(), cancel: () => inner.idleTimer.cancel() },
    connect(first) {
      inUse = true;
      openedAt = performance.now();
      const attempted = inner;
      const seconds = options.connect_timeout || 30;
      // An attempt that is repeated inside never reports back; terminating it rejects `first`.
      deadline = setTimeout(() => {
        attempted.terminate();
        discard(attempted, connectionError("CONNECT_TIMEOUT", "the server did not answer in time"));
      }, seconds * 1000);
      noteSenderOfPool(first);
      // From then on it is connected, and the statement may take as long as it takes.
      inner.connect(whenExecuted(withOuter(first, true), () => clearTimeout(deadline)));
    },
    execute(statement) {
      if (statement.options?.onexecute) noteSenderOfPool(statement);
      // What a transaction sends belongs to its connection, and to none that has taken its place.
      const own = sessionOf(statement);
      if (inUse && (own === undefined || own === session)) {
        if (outer.reserved !== null) noteSession(statement, session);
        return inner.execute(withOuter(statement, outer.reserved === null));
      }
      statement.reject(connectionError("CONNECTION_CLOSED", "the connection was lost"));
      return true;
    },
    cancel: (...given) => inner.cancel(...given),
    end: () => inner.end(),
    terminate() {
      clearTimeout(deadline);
      inner.terminate();
    },
  };

  inner = fresh();
  queues.closed?.push(outer);
  return outer;

  function fresh(): DriverConnection {
    const made = make(options, { ...queues, closed: undefined }, {
      onopen(connection) {
        if (connection !== inner) return connection.terminate(); // Connected after it was given up.
        clearTimeout(deadline);
        hooks.onopen?.(outer);
      },
      onend: (connection) => connection === inner && hooks.onend?.(outer),
      onclose: discard,
    });
    // The driver reads and writes these on the object that it made; the pool does on the one that it was given.
    return Object.defineProperties(made, {
      queue: { get: () => outer.queue, set: (queue) => outer.queue = queue },
      reserved: {
        get: () => made === inner ? outer.reserved : null,
        set(reserved) {
          outer.reserved = reserved;
          // The server is out of the transaction, so what becomes of the connection now is none of its business: its caller may
          // not have heard of the commit yet when a statement behind it is refused.
          if (reserved === null) outer.onclose = null;
        },
      },
    });
  }

  function discard(connection: DriverConnection, error: unknown): void {
    if (connection !== inner) return;
    clearTimeout(deadline);
    inUse = false;
    session.isOver = true;
    session = { isOver: false };
    inner = fresh();
    const waiting = isReadOnly(error) ? inHand.take() : [];
    connection.terminate(); // Rejects what is still waiting in it.
    hooks.onclose?.(outer, error);
    for (const handToPool of waiting) handToPool(error);
  }

  /** `begin` learns from its first statement which connection it has: it must be the one that the pool knows. */
  function withOuter(statement: Statement, ofPool: boolean): Statement {
    if (ofPool) inHand.add(statement);
    const [used, reject] = [inner, statement.reject];
    statement.reject = (error) => {
      reject(error);
      const isStale = ofPool && inHand.isEmpty && isMissing(error) &&
        performance.now() - openedAt > missedMs;
      if (used !== inner || !(isOfSession(error) || isStale)) return;
      if (isReadOnly(error)) inHand.condemn();
      // Later: the driver is in the middle of reading what the server has sent.
      queueMicrotask(() => discard(used, error));
    };
    const onexecute = statement.options?.onexecute;
    if (onexecute) statement.options = { ...statement.options, onexecute: () => onexecute(outer) };
    return statement;
  }
}

/**
 * Calls `then` when the driver sends the statement. The driver has no hook that fits: `onopen` comes when the connection
 * is free again, after the first statement, or the whole transaction that it begins, has ended.
 */
function whenExecuted(statement: Statement, then: () => void): Statement {
  let state: unknown = null;
  return Object.defineProperty(statement, "state", {
    get: () => state,
    set(value) {
      state = value;
      then();
    },
  });
}

function isReadOnly(error: unknown): boolean {
  return codeOf(error) === "25006";
}

/** A session keeps the settings that it was opened with, whatever is mended for its user or its database. */
function isOfSession(error: unknown): boolean {
  return isReadOnly(error) || codeOf(error) === "3F000"; // no schema of search_path is there
}

/** No such table, or function: the schema may be older, or the session may look for it where it is no longer to look. */
function isMissing(error: unknown): boolean {
  return ["42P01", "42883"].includes(codeOf(error) ?? "");
}

function connectionError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
