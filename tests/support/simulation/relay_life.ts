/** The life of a relay in a world that goes wrong: its own loops and decisions on hosts that are struck by one thing after another. */
import { createHealth, type Health } from "../../../src/engine/core/health.ts";
import type { Transactions } from "../../../src/engine/core/ports.ts";
import { cursorRefreshMs } from "../../../src/engine/outbox/cursor_age.ts";
import { type LeadTimes, leadTimes } from "../../../src/engine/outbox/lead_rules.ts";
import type { PruneTimes } from "../../../src/engine/outbox/prune_outbox.ts";
import { relayShard } from "../../../src/engine/outbox/relay_shard.ts";
import type { RelayStore } from "../../../src/engine/outbox/relay_store.ts";
import { type Random, seededRandom } from "../../../src/tools/torture/random.ts";
import { Host, type Service, World } from "./relay_world.ts";

export const minute = 60_000;
export const hour = 60 * minute;
const day = 24 * hour;
/** Of published rows. */
export const retentionHours = 24;
/** For which Kafka keeps the cursor. */
export const keptMs = 7 * day;

/** Sixty times slower than they are, or a week would be millions of renewals. */
export const times: LeadTimes = {
  renewMs: leadTimes.renewMs * 60,
  validMs: leadTimes.validMs * 60,
  pollMs: minute,
  stuckMsMax: leadTimes.stuckMsMax * 60,
  openMsMax: leadTimes.openMsMax * 60,
  offerMs: leadTimes.offerMs * 60 + minute,
  hungMsMax: leadTimes.hungMsMax * 60,
};

/** Of the pruner, as much slower. */
export const rounds: PruneTimes = { someMs: 2 * minute, noneMs: 10 * minute, failedMs: 5 * minute };

/**
 * No row waits longer than this while one process is well all the time, and both services are: each of the others may have
 * taken the lead in turn, and have lost it again only when its time was over.
 */
function waitMsMaxOf(hosts: number): number {
  // Whoever has offered the lead in vain before has four times the patience.
  const turnMsMax = 4 * times.openMsMax + times.validMs + times.offerMs;
  // Alone, one goes on with a session that may hang, until that is known.
  return hosts === 1 ? times.hungMsMax + turnMsMax : hosts * turnMsMax;
}

/** What a planted mistake puts in the place of a part, on each host. Each is the right one where absent. */
export interface RelayMistake {
  transactions?(right: Transactions): Transactions;
  store?(right: RelayStore): RelayStore;
  readonly leadTimes?: Partial<LeadTimes>;
  /** Where it shows; {@linkcode hours} where absent. */
  readonly trouble?: Trouble;
}

/** How long things go wrong, milliseconds, and how often: at most so long lies between two faults. */
export interface Trouble {
  readonly ms: number;
  readonly pauseMsMax: number;
}

/** One thing after another, and on another. */
export const hours: Trouble = { ms: 12 * hour, pauseMsMax: hour };
/** Between faults it is seen who should have taken over. */
export const days: Trouble = { ms: 3 * day, pauseMsMax: 12 * hour };
/** Long enough for Kafka to forget a cursor. */
export const weeks: Trouble = { ms: 14 * day, pauseMsMax: 12 * hour };

/** A process that is started, and started again. */
export class Machine {
  host: Host;
  health: Health = createHealth();
  #stop = new AbortController();

  constructor(
    readonly world: World,
    readonly name: string,
    readonly mistake: RelayMistake = {},
  ) {
    this.host = this.start();
  }

  start(): Host {
    const { world, mistake } = this;
    const host = new Host(world, `${this.name}@${world.time.now}`);
    this.host = host;
    const stop = this.#stop = new AbortController();
    this.health = createHealth(() => world.time.now);
    const store = world.storeFor(host);
    const transactions = world.transactionsFor(host);
    const place = { shard: 0, groupId: "relay", cursorTopic: "cursor" };
    relayShard(
      {
        store: mistake.store?.(store) ?? store,
        transactions: mistake.transactions?.(transactions) ?? transactions,
        lead: world.leadFor(host),
        leadTimes: { ...times, ...mistake.leadTimes },
        ...{ pruneTimes: rounds, clock: host.clock, health: this.health },
        partitionCount: () => 1,
        offsetsKeptMs: () => Promise.resolve(keptMs),
      },
      { ...place, batchRecordsMax: 200, pollIntervalMs: minute, retentionHours },
      stop.signal,
    ).then(
      () => {
        if (!stop.signal.aborted) world.violated(`${host.id} ended by itself`);
        host.isAlive = false;
      },
      (error) => {
        world.violated(`${host.id} halted: ${error}`);
        host.isAlive = false;
      },
    );
    return host;
  }

  stop(): void {
    this.#stop.abort(new DOMException("stopped", "AbortError"));
  }

  get leads(): boolean {
    return this.world.lead?.host === this.host;
  }
}

/** Something that goes wrong, and what ends it. */
function strike(world: World, machines: readonly Machine[], random: Random): () => void {
  const leader = machines.find((machine) => machine.leads);
  // Leaders are struck more often than chance would have it.
  const victim = leader && random.integer(0, 1) === 0 ? leader : random.pick(machines);
  const { host } = victim;
  const service = random.pick<Service>(["kafka", "postgres"]);
  switch (random.integer(0, 6)) {
    case 0:
    case 1:
      host.isFrozen = true;
      return () => host.thaw();
    case 2:
      host.isAlive = false;
      return () => void victim.start();
    case 3:
      victim.stop();
      return () => {
        host.isAlive = false;
        victim.start();
      };
    case 4:
      host.cut.set(service, random.pick(["refused", "silent"]));
      return () => void host.cut.delete(service);
    case 5:
      world.faults.down.add(service);
      return () => void world.faults.down.delete(service);
    default:
      world.faults.holdsBarrier = true;
      return () => void (world.faults.holdsBarrier = false);
  }
}

/** What must hold at any moment. */
function look(world: World, machines: readonly Machine[]): void {
  const { now } = world.time;
  const waitMsMax = waitMsMaxOf(machines.length);
  for (const { host } of machines) if (!host.isHealthy) host.healthySince = now;
  if (world.faults.down.size > 0 || world.faults.holdsBarrier) world.faults.servicesSince = now;
  const healthySince = Math.min(...machines.map(({ host }) => host.healthySince));
  const wellMs = now - Math.max(healthySince, world.faults.servicesSince);
  const ageMs = world.cursorAge();
  if (wellMs < waitMsMax) return;
  const waitedMs = world.waitedMs();
  if (waitedMs > waitMsMax) world.violated(`a row has waited for ${waitedMs / minute} minutes`);
  const refreshMs = cursorRefreshMs(keptMs);
  if (ageMs > refreshMs + waitMsMax) world.violated(`the cursor is ${ageMs / hour} hours old`);
  // The first one may be the cursor's own, or have been until now.
  const keptSince = world.rows[1]?.createdAt.getTime() ?? now;
  if (now - keptSince > retentionHours * hour + waitMsMax) {
    world.violated(`a row is kept that is ${(now - keptSince) / hour} hours old`);
  }
}

/** One world from a seed: so many hosts that relay, with a planted mistake where one is given. */
export async function liveThrough(
  seed: string,
  hosts: number,
  { ms, pauseMsMax }: Trouble,
  mistake?: RelayMistake,
): Promise<World> {
  const random = seededRandom(seed);
  const world = new World(random, keptMs);
  const { time, faults } = world;
  faults.lateRequests = true;
  const machines = Array.from(
    { length: hosts },
    (_, index) => new Machine(world, `host-${index}`, mistake),
  );
  let nextFault = random.integer(minute, pauseMsMax / 2);
  let nextRow = 0;
  let idleFrom = random.integer(hour, 2 * day);
  while (time.now < ms && world.violations.length === 0) {
    await time.pass(5 * minute);
    const { now } = time;
    if (now >= nextFault) {
      const end = strike(world, machines, random);
      // Most are short, some outlast everything but the time for which Kafka keeps the cursor.
      const lengthMs = random.integer(0, 3) > 0
        ? random.integer(minute, 40 * minute)
        : random.integer(hour, 12 * hour);
      time.after(lengthMs, end);
      nextFault = now + random.integer(10 * minute, pauseMsMax);
    }
    if (now >= idleFrom) {
      // Up to longer than Kafka keeps the cursor.
      nextRow = now + random.integer(hour, 9 * day);
      idleFrom = nextRow + random.integer(hour, 2 * day);
    }
    for (let rows = random.integer(0, 20); rows > 0 && now >= nextRow; rows--) world.place();
    look(world, machines);
  }
  for (const machine of machines) machine.stop();
  return world;
}

/** Runs with the engine's own chance, that of its pauses after failures, from the seed, too. */
export async function withSeededChance<T>(seed: string, run: () => Promise<T>): Promise<T> {
  const { random: systemsRandom } = Math;
  const random = seededRandom(`${seed}/backoff`);
  Math.random = () => random.next();
  try {
    return await run();
  } finally {
    Math.random = systemsRandom;
  }
}
