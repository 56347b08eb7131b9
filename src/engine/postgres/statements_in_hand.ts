/** The statements that one connection of the pool was given and has not answered. It sends none itself. */

/** A statement, as the driver hands it around. */
export interface Statement {
  resolve: (result: unknown) => void;
  reject: (error: unknown) => void;
  /** Gives it to the pool, as when it was new. */
  handler?: (statement: Statement) => void;
  state?: unknown;
  options?: { onexecute?: (connection: unknown) => unknown };
  /** Told of each row, or of each part, as it comes. */
  forEachFn?: unknown;
  cursorFn?: unknown;
  streaming?: unknown;
}

/** A statement that only ever follows others that are refused is refused in the end, milliseconds. */
const movedMsMax = 5_000;

/** When a statement that was moved came to its first connection, by the clock that only goes forward. */
const cameAt = new WeakMap<Statement, number>();

/** It has changed something after all: the server was promoted between two statements. */
const changes = /^(INSERT|UPDATE|DELETE|MERGE)/;

/**
 * The driver writes statements to a connection before the earlier ones are answered. Of a session that takes no writes it is
 * known that they have changed nothing, so another connection may be asked instead; one that is answered as a change is not
 * sent again. Only for statements of the pool: those inside a transaction belong to their connection.
 */
export class InHand {
  readonly #waiting = new Map<Statement, (error: unknown) => void>();
  #condemned = false;

  constructor(readonly now: () => number = () => performance.now()) {}

  /** Before anything of the statement is replaced: it goes to the next connection as it came to this one. */
  add(statement: Statement): void {
    const { resolve, reject, handler, options } = statement;
    const since = cameAt.get(statement) ?? this.now();
    const isToldOnTheWay = [statement.forEachFn, statement.cursorFn, statement.streaming].some(
      Boolean,
    );
    if (!handler || isToldOnTheWay) return;
    this.#waiting.set(statement, (error) => {
      // Never left to the connection: a transaction that began there would go on beside it.
      if (this.now() - since > movedMsMax) return reject(error);
      // A stand-in: the connection that is thrown away rejects what it was given once more when its socket closes.
      const again: Statement = Object.create(statement, {
        state: { value: null, writable: true, configurable: true },
      });
      Object.assign(again, { resolve, reject, options });
      cameAt.set(again, since);
      handler(again);
    });
    const isDone = (counts: boolean) => counts && this.#waiting.delete(statement);
    statement.resolve = (result) => {
      const { command } = result as { command?: string };
      if (isDone(!this.#condemned || changes.test(command ?? ""))) resolve(result);
    };
    statement.reject = (error) => {
      if (isDone(!this.#condemned)) reject(error);
    };
  }

  /** Whether every statement of the pool was answered. */
  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** The connection will be thrown away: what it still answers counts no more, or a transaction would begin on it. */
  condemn(): void {
    this.#condemned = true;
  }

  /** What waits now, each as what gives it to the pool, or fails with the error where that has gone on for too long. */
  take(): ((error: unknown) => void)[] {
    const taken = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#condemned = false;
    return taken;
  }
}
