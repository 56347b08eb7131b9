/**
 * A world in virtual time for the relay's own code: hosts that freeze and die, a Postgres and a Kafka that go away, and what
 * the two remember. It decides nothing about leading, refreshing or pruning; it notes what must never happen.
 */
import { DependencyDownError, HaltError } from "../../../src/engine/core/errors.ts";
import {
  type AtomicWrite,
  type CommittedOffset,
  TransactionError,
  type Transactions,
} from "../../../src/engine/core/ports.ts";
import type { BarrierRead } from "../../../src/engine/outbox/barrier_read.ts";
import type { OutboxRow } from "../../../src/engine/outbox/outbox_row.ts";
import type { Deleted } from "../../../src/engine/outbox/delete_published.ts";
import type { RelayClock } from "../../../src/engine/outbox/relay_clock.ts";
import type { RelayLead } from "../../../src/engine/outbox/relay_lead.ts";
import type { RelayStore } from "../../../src/engine/outbox/relay_store.ts";
import type { Random } from "../../../src/tools/torture/random.ts";
import { VirtualTime } from "../virtual_time.ts";

/** What a host needs. */
export type Service = "kafka" | "postgres";

/** One process from its start to its end. */
export class Host {
  isAlive = true;
  isFrozen = false;
  /** Services that it cannot reach: `refused` is said at once, `silent` is never answered. */
  readonly cut = new Map<Service, "refused" | "silent">();
  /** Since when nothing is wrong with it. */
  healthySince: number;
  readonly #waiting: (() => void)[] = [];

  constructor(readonly world: World, readonly id: string) {
    this.healthySince = world.time.now;
  }

  get isHealthy(): boolean {
    return this.isAlive && !this.isFrozen && this.cut.size === 0;
  }

  thaw(): void {
    this.isFrozen = false;
    for (const run of this.#waiting.splice(0)) run();
  }

  /** Runs in this process, when it runs. */
  after(ms: number, run: () => void): () => void {
    return this.world.time.after(ms, () => {
      if (!this.isAlive) return;
      if (this.isFrozen) this.#waiting.push(run);
      else run();
    });
  }

  readonly clock: RelayClock = {
    now: () => this.world.time.now,
    delay: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const stop = () => {
          cancel();
          reject(signal?.reason);
        };
        signal?.addEventListener("abort", stop, { once: true });
        const cancel = this.after(ms, () => {
          signal?.removeEventListener("abort", stop);
          resolve();
        });
      }),
  };

  /** A request and its answer; the request arrives although the process may be frozen or dead by then. */
  call<T>(service: Service, serve: () => T): Promise<T> {
    const { time, random, faults } = this.world;
    const down = () =>
      service === "kafka"
        ? new TransactionError("unknown", "Kafka does not answer")
        : new DependencyDownError("postgres", "Postgres does not answer");
    return new Promise((resolve, reject) => {
      const fail = (ms: number) => this.after(ms, () => reject(down()));
      const isLate = service === "kafka" && faults.lateRequests && random.integer(1, 200) === 1;
      const giveUp = isLate ? fail(30_000) : undefined;
      const arrivesMs = isLate ? random.integer(1_000, 20 * 60_000) : random.integer(1, 20);
      time.after(arrivesMs, () => {
        const cut = this.cut.get(service);
        if (cut === "silent") {
          // The client of Kafka gives up by itself, that of Postgres does not.
          if (service === "kafka") fail(30_000);
          return;
        }
        if (cut === "refused" || faults.down.has(service)) return fail(5_000);
        let answer: () => void;
        try {
          const value = serve();
          answer = () => resolve(value);
        } catch (error) {
          answer = () => reject(error);
        }
        // Served, and nobody hears of it.
        if (random.integer(1, 500) === 1) return fail(1_000);
        this.after(random.integer(1, 20), () => {
          giveUp?.();
          answer();
        });
      });
    });
  }
}

interface LeadRow {
  readonly owner: string;
  readonly host: Host;
  readonly takenAt: number;
  until: number;
}

/** Everything outside of the processes. */
export class World {
  readonly time = new VirtualTime();
  readonly faults = {
    down: new Set<Service>(),
    servicesSince: 0,
    holdsBarrier: false,
    /** Some requests reach Kafka when their client has given them up, and are served all the same. */
    lateRequests: false,
  };
  /** What must never happen, and did. */
  readonly violations: string[] = [];
  /** Rows that are still in the table, in order. */
  rows: OutboxRow[] = [];
  positions = 0;
  /** The last position on the topic. */
  published = 0;
  writtenAt = new Map<number, number>();
  lead: LeadRow | undefined;
  /** How often the lead changed hands. */
  leaders = 0;
  #noted: number | undefined;
  /** By transactional id. */
  readonly #epochs = new Map<string, number>();
  #cursor: (CommittedOffset & { readonly at: number }) | undefined;
  oldestCursorMs = 0;

  constructor(readonly random: Random, readonly keptMs: number) {}

  violated(what: string): void {
    this.violations.push(`${(this.time.now / 86_400_000).toFixed(3)} d: ${what}`);
  }

  place(): void {
    const position = ++this.positions;
    this.writtenAt.set(position, this.time.now);
    this.rows.push({
      ...{
        shard: 0,
        position,
        topic: "orders",
        key: String(position),
        value: nothing,
        headers: [],
      },
      ...{ eventId: `event-${position}`, eventType: "Placed", xid: "1" },
      createdAt: new Date(this.time.now),
    });
  }

  storeFor(host: Host): RelayStore {
    const ask = <T>(serve: () => T) => host.call("postgres", serve);
    return {
      read: ({ after, limit }) =>
        ask((): BarrierRead => {
          const from = this.rows.findIndex(({ position }) => position > after);
          const barrier = { position: this.positions, xid: "1", settled: true };
          if (from < 0) return { kind: "empty" };
          if (this.faults.holdsBarrier) return { kind: "waiting", barrier };
          return { kind: "rows", rows: this.rows.slice(from, from + limit), barrier };
        }),
      check: ({ offset, metadata }) =>
        ask(() => {
          if (offset < 0) {
            if (this.#noted === undefined) return { after: 0, eventId: undefined, holds: [] };
            throw new HaltError("the cursor is gone");
          }
          const row = this.rows.find(({ position }) => position === offset - 1);
          if (row?.eventId !== metadata) throw new HaltError("the cursor's row is gone");
          return { after: offset - 1, eventId: metadata, holds: [] };
        }),
      metadata: ({ eventId }) => Promise.resolve(eventId),
      between: () => Promise.resolve([]),
      relayedUpTo: () => ask(() => this.#noted),
      recordTopics: () => ask(() => {}),
      checkpoint: (position) =>
        ask(() => {
          if (position > this.published) this.violated(`noted ${position}, ahead of the topic`);
          this.#noted = position;
        }),
      remove: ({ from, cursor, olderThanHours, limit }) =>
        ask((): Deleted => {
          if (cursor > (this.#cursor?.offset ?? 0) - 1) this.violated("pruned above the cursor");
          const looked = this.rows
            .filter(({ position }) => position >= from && position < cursor).slice(0, limit);
          const oldest = this.time.now - olderThanHours * 3_600_000;
          const old = new Set(looked.filter(({ createdAt }) => createdAt.getTime() < oldest));
          this.rows = this.rows.filter((row) => !old.has(row));
          const kept = looked.find((row) => !old.has(row));
          const next = kept?.position ?? (looked.at(-1)?.position ?? from - 1) + 1;
          return { looked: looked.length, deleted: old.size, next };
        }),
    };
  }

  leadFor(host: Host): RelayLead {
    const ask = <T>(serve: () => T) => host.call("postgres", serve);
    const own = () => this.lead?.owner === host.id ? this.lead : undefined;
    const version = () => `${this.lead?.owner}/${this.lead?.until}`;
    return {
      owner: host.id,
      look: () =>
        ask(() =>
          this.lead && {
            ...{ owner: this.lead.owner, name: this.lead.owner, version: version() },
            heldMs: this.time.now - this.lead.takenAt,
            leftMs: this.lead.until - this.time.now,
            isGone: !this.lead.host.isAlive,
          }
        ),
      take: (seen, forMs) =>
        ask(() => {
          if (this.lead ? seen?.version !== version() : seen !== undefined) return false;
          const { now: takenAt } = this.time;
          if (this.lead?.owner !== host.id) this.leaders++;
          this.lead = { owner: host.id, host, takenAt, until: takenAt + forMs };
          return true;
        }),
      renew: (forMs) =>
        ask(() => {
          const lead = own();
          if (lead) lead.until = this.time.now + forMs;
          return lead !== undefined;
        }),
      release: () => ask(() => void (own() && (this.lead = undefined))),
      reconnect: () => {},
    };
  }

  transactionsFor(host: Host): Transactions {
    const ask = <T>(serve: () => T) => host.call("kafka", serve);
    return {
      open: async (transactionalId) => {
        const epoch = await ask(() => this.#fence(transactionalId));
        return {
          transactionalId,
          commit: (write) =>
            ask(() => {
              if (epoch !== this.#epochs.get(transactionalId)) {
                throw new TransactionError("migrated", "fenced");
              }
              this.#commit(write);
            }),
          [Symbol.asyncDispose]: () => Promise.resolve(),
        };
      },
      shutOut: () => Promise.resolve(),
      stableOffset: () =>
        ask(() => {
          this.cursorAge();
          return this.#cursor ?? { offset: -1, metadata: "" };
        }),
    };
  }

  /** How long ago the cursor was committed; past what Kafka keeps, it is gone. */
  cursorAge(): number {
    const ageMs = this.#cursor ? this.time.now - this.#cursor.at : 0;
    this.oldestCursorMs = Math.max(this.oldestCursorMs, ageMs);
    if (ageMs > this.keptMs) {
      this.violated(`the cursor expired, ${(ageMs / 3_600_000).toFixed(1)} h old`);
      this.#cursor = undefined;
    }
    return ageMs;
  }

  #fence(transactionalId: string): number {
    const epoch = (this.#epochs.get(transactionalId) ?? 0) + 1;
    this.#epochs.set(transactionalId, epoch);
    return epoch;
  }

  #commit({ records, offsets: [cursor] }: AtomicWrite): void {
    for (const { key } of records) {
      const position = Number(key);
      if (position !== this.published + 1) {
        this.violated(`published ${position} after ${this.published}`);
      }
      this.published = position;
      this.writtenAt.delete(position);
    }
    if (!cursor || cursor.offset !== this.published + 1) this.violated("a cursor beside its rows");
    if (!cursor) return;
    this.#cursor = {
      offset: cursor.offset,
      metadata: cursor.metadata ?? "",
      at: this.time.now,
    };
  }

  /** How long the oldest row has waited. */
  waitedMs(): number {
    const oldest = this.writtenAt.get(this.published + 1);
    return oldest === undefined ? 0 : this.time.now - oldest;
  }
}

const nothing = new Uint8Array();
