/** Virtual time for simulations: what is due runs in order, and all that follows of it before time goes on. */

interface Due {
  readonly at: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/** Time that passes when everything that could happen has happened. */
export class VirtualTime {
  now = 0;
  #heap: Due[] = [];
  #order = 0;

  /** Call the result to have it not happen. */
  after(ms: number, run: () => void): () => void {
    const heap = this.#heap;
    const at = this.now + Math.max(0, ms);
    const added: Due = { at, order: this.#order++, run };
    let index = heap.push(added) - 1;
    while (index > 0) {
      const up = (index - 1) >> 1;
      if (!this.#isBefore(index, up)) break;
      this.#swap(index, up);
      index = up;
    }
    return () => void (added.run = undefined);
  }

  /** Lets it pass. */
  async pass(ms: number): Promise<void> {
    const until = this.now + ms;
    while (this.#heap[0] && this.#heap[0].at <= until) {
      const { at, run } = this.#heap[0];
      this.#removeFirst();
      this.now = at;
      if (!run) continue;
      run();
      await quiet();
    }
    this.now = until;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    heap[0] = last;
    for (let index = 0;;) {
      let least = index;
      for (const down of [2 * index + 1, 2 * index + 2]) {
        if (down < heap.length && this.#isBefore(down, least)) least = down;
      }
      if (least === index) return;
      this.#swap(index, least);
      index = least;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const [left, right] = [this.#heap[a], this.#heap[b]];
    if (!left || !right) return false;
    return left.at < right.at || (left.at === right.at && left.order < right.order);
  }

  #swap(a: number, b: number): void {
    const [left, right] = [this.#heap[a], this.#heap[b]];
    if (left && right) [this.#heap[a], this.#heap[b]] = [right, left];
  }
}

/** Longer than any chain of promises that one event sets off. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 40; turn++) await undefined;
}
