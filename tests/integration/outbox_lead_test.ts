/** The lease that says which process relays a shard: one holder at a time, free when its session or its time is over. */
import { DependencyDownError } from "../../src/engine/core/errors.ts";
import { isFree } from "../../src/engine/outbox/lead_rules.ts";
import { openRelayLeads, type RelayLead } from "../../src/engine/outbox/relay_lead.ts";
import { openDatabase } from "../../src/engine/postgres/database.ts";
import { waitFor } from "../../src/tools/stack/wait.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { services } from "../support/services.ts";
import { outboxDatabase } from "./outbox_database.ts";

const open = (url: string, name: string) =>
  openRelayLeads(url, { name, applicationName: "onceflow relay lead" });

const times = { validMs: 60_000 };

/** As a standby does. */
async function tryTake(lead: RelayLead, forMs = times.validMs): Promise<boolean> {
  const seen = await lead.look();
  return isFree(seen, lead.owner, times) && await lead.take(seen, forMs);
}

Deno.test("of many that try at once one leads, for each shard and at each change", async () => {
  await using db = await outboxDatabase(2);
  await using opened = new AsyncDisposableStack();
  const all = Array.from({ length: 8 }, (_, index) => opened.use(open(db.url, `relay-${index}`)));
  const race = async (shard: number) => {
    const taken = await Promise.all(all.map((leads) => tryTake(leads.of(shard))));
    return taken.filter((mine) => mine).length;
  };
  const owner = async (shard: number) => (await all[0]?.of(shard).look())?.owner;
  // First nobody is there, then somebody whose time is over, then somebody who gave it back.
  assertEquals(await Promise.all([race(0), race(1)]), [1, 1]);
  assertEquals(await race(0), 1, "its owner may take it again, and nobody else");
  for (let round = 0; round < 5; round++) {
    await db.sql`update outbox_leads set held_until = clock_timestamp()`;
    const seen = await Promise.all(all.map((leads) => leads.of(0).look()));
    const taken = await Promise.all(all.map(({ of }, index) => of(0).take(seen[index], 60_000)));
    assertEquals(taken.filter((mine) => mine).length, 1);
    const holder = all.find(({ of }, index) => taken[index] && of(0));
    assertEquals(await owner(0), holder?.of(0).owner);
    await holder?.of(0).release();
    assertEquals(await race(0), 1);
  }
});

Deno.test("a lease is renewed by its holder only, and named for people", async () => {
  await using db = await outboxDatabase(1);
  await using opened = new AsyncDisposableStack();
  const [first, second] = [open(db.url, "worker-1"), open(db.url, "worker-2")].map((leads) =>
    opened.use(leads).of(0)
  );
  assert(first && second);
  assertEquals(await tryTake(first), true);
  assertEquals(await second.renew(60_000), false);
  assertEquals(await first.renew(60_000), true);
  const seen = await second.look();
  assertEquals([seen?.name, seen?.isGone, isFree(seen, second.owner, times)], [
    "worker-1 at 127.0.0.1",
    false,
    false,
  ]);
  await second.release();
  assertEquals(await first.renew(60_000), true);
  // Whoever has slept through its lease does not get it back from the one who has it now.
  await db.sql`update outbox_leads set held_until = clock_timestamp()`;
  assertEquals(await tryTake(second), true);
  assertEquals(await first.renew(60_000), false);
  await first.release();
  assertEquals(await second.renew(60_000), true);
  // The database's clock was set back, and nobody has renewed it since.
  await db.sql`update outbox_leads set held_until = clock_timestamp() + interval '1 hour'`;
  assertEquals(await tryTake(first), true);
});

Deno.test("a lease is free at once when its holder's session has ended, under any user", async () => {
  await using db = await outboxDatabase(1);
  const role = `lead_${crypto.randomUUID().replaceAll("-", "")}`;
  await db.sql.unsafe(`create role ${role} login`);
  await db.sql.unsafe(`grant select, insert, update, delete on outbox_leads to ${role}`);
  {
    const address = new URL(db.url);
    address.username = role;
    // It may not see when sessions of others began.
    await using stranger = open(address.href, "stranger");
    {
      await using leads = open(db.url, "worker-1");
      assertEquals(await tryTake(leads.of(0)), true);
      assertEquals(await tryTake(stranger.of(0)), false);
    }
    const free = await waitFor(async () => await tryTake(stranger.of(0)) || undefined, {
      waitMsMax: 60_000,
    });
    assertEquals(free, true);
    // A session with the same number that began at another time is another one.
    await using leads = open(db.url, "worker-2");
    assertEquals(await tryTake(leads.of(0)), false);
    await db.sql`update outbox_leads set backend_start = backend_start - interval '1 hour'`;
    assertEquals(await tryTake(leads.of(0)), true);
  }
  await db.sql.unsafe(`drop owned by ${role}`);
  await db.sql.unsafe(`drop role ${role}`);
});

Deno.test("nobody leads on a server that takes no writes", async () => {
  await using db = await outboxDatabase(1);
  const { databaseUrl } = await services();
  await using admin = openDatabase(databaseUrl, { connectionsMax: 1, applicationName: "admin" });
  const name = new URL(db.url).pathname.slice(1);
  const readOnly = (on: string) =>
    admin.sql.unsafe(`alter database ${name} set default_transaction_read_only = ${on}`);
  await readOnly("on");
  await using leads = open(db.url, "worker");
  const lead = leads.of(0);
  await assertRejects(() => lead.look(), DependencyDownError, "takes no writes");
  await assertRejects(() => lead.look(), DependencyDownError, "takes no writes");
  await readOnly("off");
  assertEquals(await tryTake(lead), true);
  // Demoted while it leads: the connection that it has says so only when it is asked to write.
  await readOnly("on");
  assertEquals(await lead.renew(60_000), true);
  lead.reconnect();
  await assertRejects(() => lead.renew(60_000), DependencyDownError, "read-only");
});
