/**
 * A world in virtual time for the engine's own lanes: processes that die and freeze, and a network that is late and loses
 * requests and answers. All chance comes from one seed. It knows nothing of Kafka.
 */
import type { Clock } from "../../../src/engine/core/clock.ts";
import { unlessAborted } from "../../../src/engine/core/delay.ts";
import { type Random, seededRandom } from "../../../src/tools/torture/random.ts";
import { VirtualTime } from "../virtual_time.ts";

/** The answer to a request did not come in time. What became of the request is not known. */
export class NoAnswer extends Error {}

/** How bad the network is: probabilities of each request. */
export interface Network {
  readonly lost: number;
  readonly late: number;
  /** What is late takes up to so long, milliseconds; 4,000 where absent. */
  readonly lateMsMax?: number;
  /** What is not late takes up to so long each way, milliseconds. */
  readonly usualMsMax: number;
}

const calm: Network = { lost: 0, late: 0, usualMsMax: 3 };
const requestMsMax = 1_000;

/** See the file's first lines. */
export class World {
  readonly time = new VirtualTime();
  readonly random: Random;
  readonly hosts: Host[] = [];
  network: Network = calm;
  isOver = false;
  /** So many were sent. */
  requests = 0;

  constructor(seed: number) {
    this.random = seededRandom(`simulation ${seed}`);
  }

  host(): Host {
    const host = new Host(this);
    this.hosts.push(host);
    return host;
  }

  /** From here on nothing goes wrong; whoever was frozen wakes up. */
  calm(): void {
    this.network = calm;
    for (const host of this.hosts) host.thaw();
  }

  /** Ends what still waits, so that nothing outlives the test. */
  async end(): Promise<void> {
    this.isOver = true;
    // Whoever hears that it is over may ask for one more thing.
    for (let round = 0; round < 3; round++) {
      for (const host of this.hosts) host.end();
      this.time.after(0, () => {});
      await this.time.pass(0);
    }
  }

  latencyMs(): number {
    const { random, network } = this;
    if (network.late > 0 && random.chance(network.late)) {
      return random.integer(50, network.lateMsMax ?? 4_000);
    }
    return random.integer(1, network.usualMsMax);
  }
}

/** One process from its start to its end. */
export class Host {
  #isAlive = true;
  #isFrozen = false;
  readonly #waiting: (() => void)[] = [];
  readonly #pending = new Set<(reason: unknown) => void>();

  constructor(readonly world: World) {}

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Nothing of it runs any more, not even its farewell. What it has sent is under way. */
  crash(): void {
    this.#isAlive = false;
    this.#waiting.length = 0;
  }

  freeze(): void {
    this.#isFrozen = true;
  }

  thaw(): void {
    this.#isFrozen = false;
    for (const run of this.#waiting.splice(0)) run();
  }

  end(): void {
    this.#isAlive = false;
    const over = new DOMException("The simulation is over", "AbortError");
    for (const reject of [...this.#pending]) reject(over);
  }

  /** Runs in this process, when it runs. */
  run(step: () => void): void {
    if (!this.#isAlive) return;
    if (this.#isFrozen) this.#waiting.push(step);
    else step();
  }

  after(ms: number, step: () => void): () => void {
    return this.world.time.after(ms, () => this.run(step));
  }

  readonly clock: Clock = {
    random: () => this.world.random.next(),
    delay: (ms, signal) => {
      const { promise, resolve } = this.pending<void>();
      const cancel = this.after(ms, resolve);
      return signal ? unlessAborted(promise, signal).finally(cancel) : promise;
    },
  };

  /** A promise that ends with the simulation at the latest. */
  pending<T>(): PromiseWithResolvers<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#pending.add(reject);
    const done = () => this.#pending.delete(reject);
    promise.then(done, done);
    if (this.world.isOver) reject(new DOMException("The simulation is over", "AbortError"));
    return { promise, resolve, reject };
  }

  /**
   * Has `act` done at the broker and brings the answer, or what it has thrown. Either may be late or get lost; a late request
   * is done all the same, long after whoever sent it has given it up.
   */
  request<T>(act: () => T | Promise<T>, msMax = requestMsMax): Promise<T> {
    const { world } = this;
    const { time, random } = world;
    world.requests++;
    const { promise, resolve, reject } = this.pending<T>();
    const give = this.after(msMax, () => reject(new NoAnswer(`no answer within ${msMax} ms`)));
    const isLost = () => world.network.lost > 0 && random.chance(world.network.lost);
    const answer = (step: () => void) => {
      if (isLost()) return;
      this.after(world.latencyMs(), () => {
        give();
        step();
      });
    };
    if (!isLost()) {
      time.after(world.latencyMs(), () => {
        try {
          const done = act();
          if (!(done instanceof Promise)) return answer(() => resolve(done));
          done.then(
            (value) => answer(() => resolve(value)),
            (error) => answer(() => reject(error)),
          );
        } catch (error) {
          answer(() => reject(error));
        }
      });
    }
    return promise;
  }
}
