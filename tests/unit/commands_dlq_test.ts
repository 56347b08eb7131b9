/** The `dlq` commands, run as a person runs them over a log in memory: nothing is cut in silence or wider than 100 columns. */
import { dlqCommand } from "../../src/cli/dlq.ts";
import { deadLetter } from "../../src/engine/core/dead_letter.ts";
import { namesIn } from "../../src/engine/core/names.ts";
import { textHeader } from "../../src/engine/core/record.ts";
import { columnsOf, wrapped } from "../../src/engine/dead_letters/fit_columns.ts";
import { parkedEntry } from "../../src/engine/dead_letters/parked_entry.ts";
import { MemoryCluster } from "../../src/engine/testing/memory_cluster.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const now = Date.UTC(2030, 0, 2);
const long = "größer als 日本語 ".repeat(40);
const topic = `orders-${"x".repeat(200)}.DLQ`;

/** Three partitions of dead letters, as wide as Kafka takes them. */
function fullCluster(): MemoryCluster {
  const cluster = new MemoryCluster(3, { now });
  for (let index = 0; index < 25; index++) {
    const original = {
      ...{
        topic: `orders-${"x".repeat(200)}`,
        partition: index % 3,
        offset: index,
        timestamp: now,
      },
      key: encoder.encode(long),
      value: index === 0 ? new Uint8Array(9_000).fill(255) : encoder.encode(`{"a":"${long}"}`),
      headers: [textHeader("long", long), ["bin", new Uint8Array(500)] as const],
    };
    const reason = {
      ...{ errorClass: `a.b.${"Long".repeat(60)}`, error: `${long} ${index}`, attempts: 4 },
      groupId: `group-${"y".repeat(200)}`,
    };
    const letter = deadLetter(original, reason, { topic, partitionCount: 3 });
    cluster.partition(letter).append(letter, now + index * 1_000);
  }
  cluster.topic(original());
  const lane = { groupId: "g".repeat(150), topic: original(), partition: 0 };
  const queue = { queue: crypto.randomUUID(), length: 3, done: 1, since: 9, deadLetters: topic };
  const parked = parkedEntry(namesIn(), lane, encoder.encode(long), queue);
  cluster.partition(parked).append(parked, now);
  return cluster;
}

const original = () => topic.replace(/\.DLQ$/, "");

interface Said {
  readonly stdout: string;
  readonly stderr: string;
  readonly asked: readonly string[];
}

/** What a command says; with its error, where it ends in one. */
async function dlq(
  cluster: MemoryCluster,
  args: readonly string[],
  answer = false,
): Promise<Said> {
  const said = { stdout: "", stderr: "", asked: [] as string[] };
  const { log } = console;
  const writeSync = Deno.stderr.writeSync;
  console.log = (text: string) => void (said.stdout += `${text}\n`);
  Deno.stderr.writeSync = (bytes) => (said.stderr += decoder.decode(bytes), bytes.length);
  try {
    const command = dlqCommand({
      confirm: (question) => (said.asked.push(question), answer),
      withStore: (name = topic, act) =>
        act(
          {
            ...{ log: cluster, transactions: cluster, topic: name },
            transactionalIdsOf: () => Promise.resolve([]),
            prepare: () => Promise.resolve(void cluster.topic(cluster.names.redriven)),
          },
          new AbortController().signal,
          (_deed, act) => act(),
        ),
    });
    await command.parseAsync(args, { from: "user" });
  } finally {
    console.log = log;
    Deno.stderr.writeSync = writeSync;
  }
  return said;
}

const tooWide = (text: string) => text.split("\n").filter((line) => columnsOf(line) > 100);

Deno.test("whatever dlq says to people fits 100 columns", async () => {
  const cluster = fullCluster();
  const commands = [
    ["list", "--limit", "7"],
    ["list", "--topic", "none"],
    ["groups"],
    ["show", "0/0"],
    ["show", "1/0"],
    ["parked"],
    ["redrive", "--limit", "20"],
    ["list", "--pending"],
  ];
  for (const args of commands) {
    const { stdout, stderr } = await dlq(cluster, args);
    assert(stdout.length > 0, args.join(" "));
    assertEquals([args, tooWide(stdout), tooWide(stderr)], [args, [], []]);
  }
});

Deno.test("a record that failed again tells its trips in dlq list and show", async () => {
  const cluster = new MemoryCluster(1, { now });
  const place = { topic: "orders", partition: 0, offset: 5, timestamp: now };
  const trips = [textHeader("x-redriven-trips", "1"), textHeader("x-redriven-attempts", "4")];
  for (const headers of [[], trips]) {
    const failed = { ...place, key: null, value: encoder.encode("{}"), headers };
    const reason = { errorClass: "PoisonError", error: "no rate", attempts: 4, groupId: "g" };
    const letter = deadLetter(failed, reason, { topic: "orders.DLQ", partitionCount: 1 });
    cluster.partition(letter).append(letter, now);
  }
  const { stdout } = await dlq(cluster, ["list", "--dlq", "orders.DLQ"]);
  assertStringIncludes(stdout, "trip 2, 8 tries in all");
  assertEquals(stdout.split("tries").length, 3, stdout);
  assertStringIncludes(
    (await dlq(cluster, ["show", "0/1", "--dlq", "orders.DLQ"])).stdout,
    "trip 2, 8 tries in all",
  );
});

Deno.test("dlq list --json names where it goes on, until all is listed once, in either order", async () => {
  const cluster = fullCluster();
  for (const order of [[], ["--oldest"]]) {
    const places: string[] = [];
    const times: string[] = [];
    let after: string[] = [];
    for (let pages = 0;; pages++) {
      const { stdout } = await dlq(cluster, ["list", "--json", "--limit", "4", ...order, ...after]);
      const { dead_letters, next } = JSON.parse(stdout);
      for (const { address, failed_at } of dead_letters) {
        places.push(address);
        times.push(failed_at);
      }
      if (next === null) {
        assertEquals(pages, 6);
        break;
      }
      after = ["--after", next];
    }
    assertEquals([places.length, new Set(places).size], [25, 25]);
    const sorted = times.toSorted();
    assertEquals(times, order.length > 0 ? sorted : sorted.toReversed());
  }
  const { stderr } = await dlq(cluster, ["list", "--limit", "4"]);
  const [, next = ""] = /--after (\S+)/.exec(stderr) ?? [];
  await assertRejects(
    () => dlq(cluster, ["list", "--oldest", "--after", next]),
    TypeError,
    "goes on with the newest first",
  );
  await assertRejects(
    () => dlq(cluster, ["list", "--after", "17"]),
    TypeError,
    "no place in a list",
  );
});

Deno.test("dlq redrive --again says how many were sent before and asks; without an answer nothing is sent", async () => {
  const cluster = fullCluster();
  await dlq(cluster, ["redrive", "0/0", "0/1"]);
  const sent = () => cluster.topic(original()).reduce((sum, { range }) => sum + range.end, 0);
  const before = sent();
  const again = ["redrive", "0/0", "0/1", "0/2", "--again"];
  await assertRejects(() => dlq(cluster, again), Error, "Add --yes");
  assertEquals(sent(), before);
  // Nobody is asked of what only would be sent, or was not sent before.
  assertEquals((await dlq(cluster, [...again, "--dry-run"])).asked, []);
  assertEquals((await dlq(cluster, ["redrive", "0/3", "--again"])).asked, []);

  const { asked, stderr, stdout } = await dlq(cluster, again, true);
  assertStringIncludes(stderr, "2 of the 3 dead letter(s) were sent back before");
  assertEquals(asked, ["Send these 2 once more?"]);
  assertStringIncludes(stdout, "Redriven before, and now again: 2.");
  assertEquals((await dlq(cluster, [...again, "--yes"])).asked, []);
});

Deno.test("a fingerprint that dlq groups names is what dlq redrive takes, at a pace", async () => {
  const cluster = fullCluster();
  const { groups } = JSON.parse((await dlq(cluster, ["groups", "--json"])).stdout);
  assertEquals(groups.map(({ count, pending }: Record<string, unknown>) => [count, pending]), [
    [25, 25],
  ]);
  const args = ["redrive", "--fingerprint", groups[0].fingerprint, "--limit", "3", "--json"];
  const { stdout } = await dlq(cluster, [...args, "--per-second", "1000"]);
  assertEquals(JSON.parse(stdout).by_topic, [{ topic: original(), records: 3 }]);
});

Deno.test("text is broken between words where it can be, and loses nothing", () => {
  assertEquals(wrapped("a bb ccc", "  ", 5), "a bb\n  ccc");
  assertEquals(wrapped("abcdefghij", "", 4), "abcd\nefgh\nij");
  assertEquals(wrapped("short\nand long words", "", 8), "short\nand long\nwords");
  const text = "日本語".repeat(30);
  assertEquals(wrapped(text, "", 10).replaceAll("\n", ""), text);
  assertEquals(tooWide(wrapped(text)), []);
});
