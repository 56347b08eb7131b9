/**
 * Knows on which session of the server each transaction was begun, by what the driver sends its statements with: a function
 * of its own for each scope of a transaction, and one for all that is sent outside of any. It sends and ends nothing.
 *
 * The driver tells nobody which connection a transaction has, and the object of a lost connection soon serves others.
 */

/** What the driver sends a statement with. */
export type Sender = object;

/** A statement, as far as it matters here. */
interface Sent {
  readonly handler?: Sender | undefined;
}

/** A session with the server, from connecting to its loss. */
export interface Session {
  isOver: boolean;
}

const sessions = new WeakMap<Sender, Session>();
/** Of whole pools: they have no session of their own. */
const pools = new WeakSet<Sender>();

/** The statement that begins a transaction, or the first of a connection, is a pool's. */
export function noteSenderOfPool({ handler }: Sent): void {
  if (handler) pools.add(handler);
}

/** A statement was sent inside of a transaction on this session: those of its scope belong there, for good. */
export function noteSession({ handler }: Sent, session: Session): void {
  if (handler && !pools.has(handler) && !sessions.has(handler)) sessions.set(handler, session);
}

/** The session that a statement belongs to; undefined where any will do, or none was used yet. */
export function sessionOf({ handler }: Sent): Session | undefined {
  return handler && sessions.get(handler);
}
