/**
 * A whole service as another team would have it (`shipments/`): two inputs joined in state, payments through an outbox of its
 * own, a read model, dead letters. It is copied out, imports onceflow as from JSR, and one of its workers is killed at work.
 */
import { Kafka, logLevel, Partitioners } from "kafkajs";
import postgres from "postgres";
import { openDeadLetters } from "../../src/engine/dead_letters/mod.ts";
import { waitFor } from "../../src/tools/stack/wait.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { jsons, readPartition, testClient } from "../support/kafka.ts";
import { freshDatabase, root, services } from "../support/services.ts";

const stage = `shop_${crypto.randomUUID().slice(0, 8)}`;
const { kafkaBrokers } = await services();
const partitions = [0, 1, 2, 3];
const env = { STAGE: stage, KAFKA_BROKERS: kafkaBrokers.join(), NO_COLOR: "1" };

/** What is written of an order, and what must come of it; those that come last are behind all others of their partitions. */
interface Order {
  readonly id: string;
  readonly isPaid: boolean;
  /** How many items each reservation has. */
  readonly reserved: readonly number[];
}

const orders: readonly Order[] = Array.from({ length: 240 }, (_, n) => ({
  id: n < 200 ? `order-${n}` : `last-${n}`,
  isPaid: n >= 200 || n % 10 !== 7,
  reserved: n >= 200 ? [1] : n % 10 === 5 ? [] : n % 10 === 3 ? [0, 2] : n % 2 ? [1] : [1, 1],
}));
const centsOf = (id: string) => 100 + id.length;
const isShipped = ({ isPaid, reserved }: Order) => isPaid && reserved.length > 0;

Deno.test("a shop ships what is paid and reserved once, though a worker of it is killed at work", async () => {
  await using database = await freshDatabase();
  Deno.env.set("STAGE", stage);
  // What runs in this process is the till; the same files, imported from where they lie.
  const { openTill, pay } = await import("./shipments/shop.ts");
  const sql = postgres(database.url, { max: 2, onnotice: () => {} });
  await openTill(sql);
  await using project = await copyOf("shipments");
  const checked = await project.deno("check", "--quiet", "shipping_test.ts", "worker.ts").output();
  assertEquals(checked.code, 0, new TextDecoder().decode(checked.stderr));
  const work = () => project.work({ ...env, DATABASE_URL: database.url });
  const [killed, stays] = [work(), work()];

  const kafka = new Kafka({ brokers: kafkaBrokers, logLevel: logLevel.NOTHING });
  const warehouse = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await warehouse.connect();
  const reserve = ({ id, reserved }: Order) =>
    warehouse.send({
      topic: `${stage}.reservations`,
      messages: reserved.map((items) => ({
        key: id,
        value: JSON.stringify({ order_id: id, sku: "tea", items }),
      })),
    });
  const sentCount = async (least: number) => {
    const [row] = await sql`select count(*)::int as n from ${sql(`${stage}.sent`)}`.catch(() => []);
    return row?.n >= least || undefined;
  };
  const sent = (least: number) => waitFor(() => sentCount(least), { waitMsMax: 120_000 });
  const write = async (some: readonly Order[]) => {
    for (const [n, order] of some.entries()) {
      if (n % 3 === 0) await reserve(order);
      if (order.isPaid) await pay(sql, order.id, centsOf(order.id));
      if (n % 3 !== 0) await reserve(order);
    }
  };
  // The first worker to come makes the topics.
  await waitFor(() => topicsOf(kafka), { waitMsMax: 120_000 });
  await write(orders.slice(0, 60));
  await sent(30);
  const rest = write(orders.slice(60));
  killed.child.kill("SIGKILL");
  assertEquals((await killed.child.status).signal, "SIGKILL");
  const comes = work();
  await rest;
  const shipped = orders.filter(isShipped);
  await sent(shipped.length);
  for (const worker of [stays, comes]) await worker.stop();
  await warehouse.disconnect();

  // The books: topic, read model, state and dead letters, each against what was written.
  const client = await testClient();
  const all = async (topic: string) =>
    (await Promise.all(partitions.map((n) => readPartition(client, topic, n)))).flat();
  const expected = shipped.map(({ id, reserved }) => (
    { order_id: id, sku: "tea", items: reserved.at(-1), cents: centsOf(id) }
  )).sort(byId);
  assertEquals(jsons(await all(`${stage}.shipments`)).sort(byId), expected);
  const rows = await sql`select * from ${sql(`${stage}.sent`)}`;
  assertEquals([...rows].sort(byId), expected.map((shipment) => ({ ...shipment, times: 1 })));
  await sql.end();

  const state = new Map<string, unknown>();
  for (const { key, value } of await all(`${stage}.shipping.state`)) {
    state.set(textOf(key), value && JSON.parse(textOf(value)));
  }
  assertEquals(
    [...state].sort(),
    orders.filter(({ isPaid, reserved }) => isPaid || reserved.some((items) => items > 0))
      .map((order) => [order.id, stateOf(order)] as const).sort(),
  );
  await using letters = openDeadLetters({
    ...{ brokers: kafkaBrokers, clientId: "shop", ssl: false, namespace: stage },
    topic: `${stage}.unshipped`,
  });
  const found = await letters.list({ limit: 100 });
  assertEquals(
    found.map(({ record, errorClass }) => [textOf(record.key), errorClass]).sort(),
    orders.filter(({ reserved }) => reserved[0] === 0).map(({ id }) => [id, "PoisonError"]).sort(),
  );

  async function topicsOf(kafka: Kafka) {
    const admin = kafka.admin();
    await admin.connect();
    const topics = await admin.listTopics();
    await admin.disconnect();
    return topics.includes(`${stage}.shipping.state`) || undefined;
  }
});

const byId = (one: { order_id?: string }, other: { order_id?: string }) =>
  String(one.order_id) < String(other.order_id) ? -1 : 1;

function textOf(bytes: Uint8Array | null): string {
  return new TextDecoder().decode(bytes ?? undefined);
}

function stateOf(order: Order): unknown {
  if (isShipped(order)) return { shipped: true };
  return order.isPaid
    ? { cents: centsOf(order.id), shipped: false }
    : { sku: "tea", items: order.reserved.at(-1), shipped: false };
}

/** The directory beside this file as a project of its own, deleted afterwards. */
async function copyOf(name: string) {
  const from = new URL(`./${name}/`, import.meta.url);
  const directory = await Deno.makeTempDir({ dir: `${root}.onceflow`, prefix: "foreign-" });
  for await (const { name: file, isFile } of Deno.readDir(from)) {
    if (!isFile) continue;
    const text = await Deno.readTextFile(new URL(file, from));
    await Deno.writeTextFile(`${directory}/${file}`, text.replace('"../../.."', '"../.."'));
  }
  const workers: Deno.ChildProcess[] = [];
  const deno = (args: readonly string[], env: Record<string, string> = {}) =>
    new Deno.Command(Deno.execPath(), {
      args: [...args],
      cwd: directory,
      env,
      stdout: "null",
      stderr: "piped",
    });
  return {
    deno: (...args: string[]) => deno(args),
    /** A worker with the permissions of the table in src/flows.md, and the variables that it reads itself. */
    work(variables: Record<string, string>) {
      const names = "NODE_ENV,KAFKAJS_*,PGAPPNAME,PGTARGETSESSIONATTRS";
      const child = deno([
        ...["run", "--quiet", "--no-prompt", "--allow-net=127.0.0.1"],
        `--allow-env=${Object.keys(variables).join()},${names}`,
        "worker.ts",
      ], { ...variables, NO_PROXY: "127.0.0.1" }).spawn();
      workers.push(child);
      const said = new Response(child.stderr).text();
      return {
        child,
        async stop() {
          child.kill("SIGTERM");
          const { code } = await child.status;
          assert(code === 0, await said);
        },
      };
    },
    async [Symbol.asyncDispose]() {
      for (const child of workers) {
        try {
          child.kill("SIGKILL");
        } catch {
          // It has ended.
        }
        await child.status;
      }
      await Deno.remove(directory, { recursive: true });
    },
  };
}
