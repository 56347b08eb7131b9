/** The Python of src/flows.md, letter by letter: an event appended by another language, with its row or not at all. */
import postgres from "postgres";
import { migrateOutbox } from "../../src/engine/outbox/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { freshDatabase, root } from "../support/services.ts";

const packages = `${root}.onceflow/cache/python`;

async function python(...args: string[]) {
  try {
    const { code, stderr } = await new Deno.Command("python3", {
      args,
      env: { PYTHONPATH: packages },
      stdout: "null",
    }).output();
    return { code, said: new TextDecoder().decode(stderr) };
  } catch (error) {
    return { code: 127, said: String(error) };
  }
}

/** Where there is Python, and pip can fetch the driver. */
async function hasDriver(): Promise<boolean> {
  const driver = () => python("-c", "import psycopg");
  const pip = ["-m", "pip", "install", "--quiet", "--timeout", "5", "--retries", "0"];
  return (await driver()).code === 0 ||
    (await python(...pip, "--target", packages, "psycopg[binary]>=3.2,<4")).code === 0 &&
      (await driver()).code === 0;
}

const isThere = await hasDriver();
const reason = isThere ? "" : " (skipped: there is no python3 whose pip delivers psycopg)";

Deno.test({
  name: `a Python program appends an event with its row, or neither${reason}`,
  ignore: !isThere,
  async fn() {
    await using database = await freshDatabase();
    const sql = postgres(database.url, { onnotice: () => {}, max: 1 });
    await migrateOutbox(sql, { schema: "shipping" });
    await sql`create table public.parcels (id text primary key, items int not null)`;
    const page = await Deno.readTextFile(`${root}src/flows.md`);
    const block = page.match(/^```python\n(.*?)^```$/ms)?.[1] ?? "";
    const program = `import json, sys, psycopg\nurl, id, items = sys.argv[1], "p-1", 2\n${block}`;

    const { code, said } = await python("-c", program, database.url);
    assertEquals(code, 0, said);
    const again = await python("-c", program, database.url);
    assert(again.code !== 0 && again.said.includes("UniqueViolation"), again.said);

    const rows = await sql`
      select o.topic, o.key, convert_from(o.value, 'UTF8')::json as value, o.event_type as type, p.items
      from shipping.outbox o join public.parcels p on p.id = o.key
    `;
    await sql.end();
    assertEquals([...rows], [{
      ...{ topic: "parcels", key: "p-1", value: { parcel_id: "p-1", items: 2 } },
      ...{ type: "ParcelPacked", items: 2 },
    }]);
  },
});
