/**
 * The one producer of a member of a group: opened under the first of its ids that may be used, and thrown away after a
 * failure. An id whose last transaction has not ended everywhere is left alone for as long as there is another: what that
 * transaction has touched waits for it, and nothing else does.
 */
import { getLogger } from "../packages/logtape.ts";
import { TransactionError, type Transactions, type Transactor } from "./ports.ts";
import { blockedBy, UnendedError } from "./unended_error.ts";

const log = getLogger(["onceflow", "core", "committer"]);

/** See the file's first lines. Disposing closes the producer. */
export class MemberProducer implements AsyncDisposable {
  readonly #ended = new AbortController();
  /** Ids that could not be used when they were last tried; tried after the others. */
  readonly #unended = new Set<string>();
  #opening: Promise<Transactor> | undefined;
  #id: string | undefined;
  /** Of the producers that were opened. */
  #turn = 0;

  constructor(readonly transactions: Transactions) {}

  /** The id that it has, or tries at present. */
  get id(): string | undefined {
    return this.#id;
  }

  /** Opened by the first who asks, under one of these ids. Throws `TransactionError`, `blocked` where none may be used now. */
  open(ids: readonly string[]): Promise<Transactor> {
    return this.#opening ??= this.#openOneOf(ids, ++this.#turn);
  }

  /** Thrown away unless it has one of these. */
  keep(ids: readonly string[]): void {
    if (this.#id === undefined || !ids.includes(this.#id)) this.throwAway();
  }

  /** It is never used again; what it may have left open is ended when the next of its id is opened. */
  throwAway(): void {
    const spent = this.#opening;
    this.#opening = this.#id = undefined;
    this.#turn++;
    spent?.then((transactor) => transactor[Symbol.asyncDispose](), () => {})
      .catch((error) => log.debug("Closing a producer: {error}", { error }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort(new DOMException("Nothing is committed any more", "AbortError"));
    const spent = this.#opening;
    this.#opening = undefined;
    this.#turn++;
    await spent?.then((transactor) => transactor[Symbol.asyncDispose](), () => {});
  }

  async #openOneOf(ids: readonly string[], turn: number): Promise<Transactor> {
    const usable = ids.filter((id) => !this.#unended.has(id));
    const order = [...usable, ...ids.filter((id) => this.#unended.has(id))];
    let held: UnendedError | undefined;
    for (const id of order) {
      if (turn !== this.#turn) throw outdated();
      this.#id = id;
      try {
        const transactor = await this.transactions.open(id, this.#ended.signal);
        this.#unended.delete(id);
        if (turn === this.#turn) return transactor;
        await transactor[Symbol.asyncDispose]();
      } catch (error) {
        if (error instanceof UnendedError && turn === this.#turn) {
          held ??= error;
          if (!this.#unended.has(id)) {
            this.#unended.add(id);
            log.warn("{id} is not used until this has passed: {reason}", {
              id,
              reason: error.message,
            });
          }
          continue;
        }
        this.#forget(turn);
        throw error;
      }
    }
    this.#forget(turn);
    if (!held) throw outdated();
    throw blockedBy(held);
  }

  #forget(turn: number): void {
    if (turn === this.#turn) this.#opening = this.#id = undefined;
  }
}

function outdated(): TransactionError {
  const reason = "the partitions of this member have changed";
  return new TransactionError("left-behind", reason, { begun: false });
}
