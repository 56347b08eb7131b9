/**
 * Weeks of the relay in virtual time: its own loops and decisions about leading, refreshing the cursor and pruning, in a
 * world whose hosts freeze, die and lose their network, and whose Kafka and Postgres go away. Another seed:
 * `RELAY_SEEDS=a,b deno test -A tests/unit/outbox_relay_weeks_test.ts`.
 */
import { leadTimes } from "../../src/engine/outbox/lead_rules.ts";
import { relayShard } from "../../src/engine/outbox/relay_shard.ts";
import { configureLogging } from "../../src/engine/observe/logging.ts";
import { seededRandom } from "../../src/tools/torture/random.ts";
import { assert, assertEquals, fail } from "../support/assert.ts";
import {
  hour,
  hours,
  keptMs,
  liveThrough,
  Machine,
  minute,
  retentionHours,
  rounds,
  times,
  weeks,
  withSeededChance,
} from "../support/simulation/relay_life.ts";
import { relayMistakes } from "../support/simulation/relay_mistakes.ts";
import { Host, World } from "../support/simulation/relay_world.ts";

const schedules = 40;
const schedulesOfMistakeMax = 1_000;
const seeds = Deno.env.get("RELAY_SEEDS")?.split(",") ?? ["b"];

for (const hosts of [1, 3]) {
  for (const seed of seeds) {
    Deno.test(`weeks of ${hosts} relay(s) in a world that goes wrong, seed ${seed}`, async () => {
      const world = await withSeededChance(seed, () => liveThrough(seed, hosts, weeks));
      const found =
        `${world.published} rows published, ${world.leaders} changes of the leader, the cursor at most ` +
        `${(world.oldestCursorMs / hour).toFixed(1)} h old`;
      assertEquals(world.violations.slice(0, 5), [], found);
      assert(world.published > 1_000 && (hosts === 1 || world.leaders > 10), found);
    });
  }
}

Deno.test(`what is published is the outbox in order, once, in ${schedules} schedules`, async () => {
  let [leaders, published] = [0, 0];
  for (let number = 0; number < schedules; number++) {
    const seed = `schedule ${number}`;
    const world = await withSeededChance(seed, () => liveThrough(seed, 1 + number % 3, hours));
    assertEquals(world.violations, [], seed);
    leaders += world.leaders;
    published += world.published;
  }
  assert(leaders > 3 * schedules && published > 500 * schedules, `${leaders}, ${published}`);
});

for (const [name, mistake] of Object.entries(relayMistakes)) {
  Deno.test(`a planted mistake is found: ${name}`, async () => {
    for (let number = 0; number < schedulesOfMistakeMax; number++) {
      const seed = `schedule ${number}`;
      const life = () => liveThrough(seed, 1 + number % 3, mistake.trouble ?? hours, mistake);
      if ((await withSeededChance(seed, life)).violations.length > 0) return;
    }
    fail(`not found in ${schedulesOfMistakeMax} schedules`);
  });
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
