/**
 * Weeks of the relay in virtual time: its own loops and decisions about leading, refreshing the cursor and pruning, in a
 * world whose hosts freeze, die and lose their network, and whose Kafka and Postgres go away. Another seed:
 * `RELAY_SEEDS=a,b deno test -A tests/unit/outbox_relay_weeks_test.ts`.
 */
import { createHealth, type Health } from "../../src/engine/core/health.ts";
import { cursorRefreshMs } from "../../src/engine/outbox/cursor_age.ts";
import { type LeadTimes, leadTimes } from "../../src/engine/outbox/lead_rules.ts";
import type { PruneTimes } from "../../src/engine/outbox/prune_outbox.ts";
import { relayShard } from "../../src/engine/outbox/relay_shard.ts";
import { configureLogging } from "../../src/engine/observe/logging.ts";
import { type Random, seededRandom } from "../../src/tools/torture/random.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { Host, type Service, World } from "./relay_weeks_world.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const weeks = 2;
/** Of published rows. */
const retentionHours = 24;
/** For which Kafka keeps the cursor. */
const keptMs = 7 * day;

/** Sixty times slower than they are, or a week would be millions of renewals. */
const times: LeadTimes = {
  renewMs: leadTimes.renewMs * 60,
  validMs: leadTimes.validMs * 60,
  pollMs: minute,
  stuckMsMax: leadTimes.stuckMsMax * 60,
  openMsMax: leadTimes.openMsMax * 60,
  offerMs: leadTimes.offerMs * 60 + minute,
  hungMsMax: leadTimes.hungMsMax * 60,
};

const rounds: PruneTimes = { someMs: 2 * minute, noneMs: 10 * minute, failedMs: 5 * minute };

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

/** A process that is started, and started again. */
class Machine {
  host: Host;
  health: Health = createHealth();
  #stop = new AbortController();

  constructor(readonly world: World, readonly name: string) {
    this.host = this.start();
  }

  start(): Host {
    const { world } = this;
    const host = new Host(world, `${this.name}@${world.time.now}`);
    this.host = host;
    const stop = this.#stop = new AbortController();
    this.health = createHealth(() => world.time.now);
    const place = { shard: 0, groupId: "relay", cursorTopic: "cursor" };
    relayShard(
      {
        store: world.storeFor(host),
        transactions: world.transactionsFor(host),
        lead: world.leadFor(host),
        ...{ leadTimes: times, pruneTimes: rounds, clock: host.clock, health: this.health },
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

async function liveThrough(seed: string, hosts: number): Promise<World> {
  const random = seededRandom(seed);
  const world = new World(random, keptMs);
  const machines = Array.from({ length: hosts }, (_, index) => new Machine(world, `host-${index}`));
  let nextFault = random.integer(minute, 6 * hour);
  let nextRow = 0;
  let idleFrom = random.integer(hour, 2 * day);
  while (world.time.now < weeks * 7 * day) {
    await world.time.pass(5 * minute);
    const { now } = world.time;
    if (now >= nextFault) {
      const end = strike(world, machines, random);
      // Most are short, some outlast everything but the time for which Kafka keeps the cursor.
      const lengthMs = random.integer(0, 3) > 0
        ? random.integer(minute, 40 * minute)
        : random.integer(hour, 12 * hour);
      world.time.after(lengthMs, end);
      nextFault = now + random.integer(10 * minute, 12 * hour);
    }
    if (now >= idleFrom) {
      // Up to longer than Kafka keeps the cursor.
      nextRow = now + random.integer(hour, 9 * day);
      idleFrom = nextRow + random.integer(hour, 2 * day);
    }
    for (let rows = random.integer(0, 20); rows > 0 && now >= nextRow; rows--) world.place();
    look(world, machines);
  }
  return world;
}

const seeds = Deno.env.get("RELAY_SEEDS")?.split(",") ?? ["b"];

for (const hosts of [1, 3]) {
  for (const seed of seeds) {
    Deno.test(`weeks of ${hosts} relay(s) in a world that goes wrong, seed ${seed}`, async () => {
      const { random: systemsRandom } = Math;
      const random = seededRandom(`${seed}/backoff`);
      Math.random = () => random.next();
      try {
        const world = await liveThrough(seed, hosts);
        const found =
          `${world.published} rows published, ${world.leaders} changes of the leader, the cursor at most ` +
          `${(world.oldestCursorMs / hour).toFixed(1)} h old`;
        assertEquals(world.violations.slice(0, 5), [], found);
        assert(world.published > 1_000 && (hosts === 1 || world.leaders > 10), found);
      } finally {
        Math.random = systemsRandom;
      }
    });
  }
}

Deno.test("hours without Kafka or Postgres are some lines for each relay, and none for each turn of the lead", async () => {
  for (const service of ["kafka", "postgres"] as const) {
    const lines: string[] = [];
    configureLogging({ level: "warning", write: (line) => void lines.push(line) });
    const world = new World(seededRandom(`without ${service}`), keptMs);
    const machines = ["one", "two"].map((name) => new Machine(world, name));
    world.place();
    await world.time.pass(hour);
    lines.length = 0;
    world.faults.down.add(service);
    world.place();
    await world.time.pass(6 * hour);
    assert(lines.length <= 3 * machines.length, `${lines.length} lines:\n${lines.join("")}`);
    world.faults.down.delete(service);
    await world.time.pass(2 * hour);
    assertEquals([world.published, world.violations], [2, []]);
    assertEquals(machines.map(({ health }) => health.ready().ready), [true, true]);
    for (const machine of machines) machine.stop();
    await world.time.pass(hour);
  }
});

/** What the pages promise, with the times that are used. */
for (
  const { name, msMax, strike } of [
    { name: "is frozen", msMax: 15_000, strike: (host: Host) => void (host.isFrozen = true) },
    {
      name: "has lost its network",
      msMax: 15_000,
      strike(host: Host) {
        host.cut.set("kafka", "silent");
        host.cut.set("postgres", "silent");
      },
    },
    {
      name: "gets no answer of Kafka",
      msMax: 25_000,
      strike: (host: Host) => void host.cut.set("kafka", "silent"),
    },
    {
      name: "is refused by Kafka",
      msMax: 25_000,
      strike: (host: Host) => void host.cut.set("kafka", "refused"),
    },
  ]
) {
  Deno.test(`the standby publishes within ${msMax / 1_000} s when the leader ${name}`, async () => {
    for (const seed of ["a", "b", "c", "d", "e"]) {
      const world = new World(seededRandom(seed), keptMs);
      const stop = new AbortController();
      const start = (id: string) => {
        const host = new Host(world, id);
        const running = relayShard(
          {
            store: world.storeFor(host),
            transactions: world.transactionsFor(host),
            lead: world.leadFor(host),
            ...{ leadTimes, clock: host.clock, partitionCount: () => 1 },
          },
          {
            ...{ shard: 0, groupId: "relay", cursorTopic: "cursor" },
            ...{ batchRecordsMax: 200, pollIntervalMs: 50, retentionHours },
          },
          stop.signal,
        );
        return { host, running };
      };
      const first = start("first");
      world.place();
      await world.time.pass(10_000);
      assertEquals([world.published, world.lead?.host], [1, first.host]);
      const second = start("second");
      // So that the leader is struck at any place of its round.
      await world.time.pass(seededRandom(seed).integer(10_000, 20_000));
      strike(first.host);
      world.place();
      await world.time.pass(msMax);
      assertEquals([world.published, world.violations], [2, []], `seed ${seed}`);
      first.host.cut.clear();
      first.host.thaw();
      stop.abort();
      await world.time.pass(hour);
      await Promise.all([first.running, second.running]);
    }
  });
}

Deno.test("a commit that is answered when its session is long over moves nothing back", async () => {
  const world = new World(seededRandom("late"), keptMs);
  const host = new Host(world, "slow");
  const transactions = world.transactionsFor(host);
  const late = Promise.withResolvers<void>();
  let commits = 0;
  const place = { shard: 0, groupId: "relay", cursorTopic: "cursor" };
  const stop = new AbortController();
  const running = relayShard(
    {
      store: world.storeFor(host),
      lead: world.leadFor(host),
      ...{ leadTimes: times, pruneTimes: rounds, clock: host.clock, partitionCount: () => 1 },
      transactions: {
        ...transactions,
        async open(id) {
          const transactor = await transactions.open(id);
          return {
            ...transactor,
            async commit(write) {
              await transactor.commit(write);
              if (++commits === 1) await late.promise;
            },
          };
        },
      },
    },
    { ...place, batchRecordsMax: 200, pollIntervalMs: minute, retentionHours },
    stop.signal,
  );
  world.place();
  await world.time.pass(5 * minute);
  assertEquals([world.published, commits], [1, 1], "Kafka has it, and the answer is under way");
  const other = new Host(world, "other");
  world.lead = { owner: "other", host: other, takenAt: world.time.now, until: Infinity };
  await world.time.pass(5 * minute);
  world.lead = undefined;
  for (let row = 0; row < 5; row++) {
    world.place();
    await world.time.pass(2 * minute);
  }
  assertEquals(world.published, 6);
  late.resolve();
  await world.time.pass(5 * minute);
  world.place();
  await world.time.pass(5 * minute);
  assertEquals([world.published, world.violations], [7, []]);
  stop.abort();
  await world.time.pass(hour);
  await running;
});
