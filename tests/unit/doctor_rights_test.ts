/** Rights of roles: the doctor's list is that of src/rights.md, and what is missing is a line with the command that grants it. */
import { readConfig } from "../../src/config.ts";
import { mayDo } from "../../src/engine/kafka/operations.ts";
import { judgeGrants, judgeRights } from "../../src/tools/doctor/judge_rights.ts";
import { grantsIn, parseGrants } from "../../src/tools/doctor/read_grants.ts";
import { doctorRoles, rightsOf } from "../../src/tools/doctor/role_rights.ts";
import { documentedGrants } from "../support/acls.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";

Deno.test("what the doctor says that a role needs in Kafka is its row of src/rights.md", async () => {
  const table = await documentedGrants();
  const sorted = (rights: readonly { operation: string; resource: string; name: string }[]) =>
    rights.map(({ operation, resource, name }) => `${operation} ${resource} ${name}`).toSorted();
  for (const role of doctorRoles) {
    const row = table.get(role === "serve" ? role : `worker --only ${role}`);
    assertEquals(sorted(rightsOf(role, readConfig({}))), sorted(row ?? []), role);
  }
  const [first] = rightsOf("relay", readConfig({ NAMESPACE: "staging" }));
  assertEquals(first?.name, "staging.orders");
});

Deno.test("a right that is missing is wrong where the role was asked for, and else a warning", () => {
  const needed = rightsOf("flow", readConfig({}));
  const lacks = (...names: string[]) => ({ name }: { name: string }) => !names.includes(name);
  const judge = (isAsked: boolean, ...names: string[]) =>
    judgeRights({ role: "flow", isAsked, user: "ada" }, needed, lacks(...names));
  assertEquals(judge(true).standing, "right");
  assertEquals(judge(false, "onceflow.lanes").standing, "warning");
  const wrong = judge(true, "onceflow.lanes", "onceflow.invoicing/*");
  assertEquals(wrong.standing, "wrong");
  assertStringIncludes(wrong.text, "may not Read topic onceflow.lanes, Write topic onceflow.lanes");
  assertStringIncludes(
    wrong.remedy ?? "",
    "--operation Read --operation Write --topic 'onceflow.lanes'",
  );
  assertStringIncludes(
    wrong.remedy ?? "",
    "--transactional-id 'onceflow.invoicing/' --resource-pattern-type prefixed",
  );
  const untold = judgeRights({ role: "flow", isAsked: true, user: "ada" }, needed, () => undefined);
  assertEquals(untold.standing, "right");
  assertStringIncludes(untold.text, "not told before it is done");
});

Deno.test("bits of operations are read by Kafka's numbers", () => {
  assertEquals(mayDo(1 << 3, "Read"), true);
  assertEquals(mayDo(1 << 3, "Write"), false);
  assertEquals(mayDo(-2147483648, "Read"), undefined);
  assertEquals(mayDo(undefined, "Read"), undefined);
});

Deno.test("the grants of the role files are read whole", async () => {
  assertEquals(parseGrants("-- grant x on y to z\ngrant select, usage on sequence s to a;"), [
    { privilege: "select", kind: "sequence", name: "s" },
    { privilege: "usage", kind: "sequence", name: "s" },
  ]);
  for (
    const [role, last] of [["serve", "outbox_position"], ["worker", "customer_totals"]] as const
  ) {
    const text = await Deno.readTextFile(
      new URL(`../../src/app/roles/${role}.sql`, import.meta.url),
    );
    const grants = await grantsIn(role);
    const statements = text.match(/^grant /gm)?.length ?? 0;
    assert(grants.length > statements && statements > 4);
    assertEquals(grants.at(-1)?.name, last);
    assertEquals(grants[0], { privilege: "usage", kind: "schema", name: "public" });
  }
  const blind = judgeGrants({ role: "serve", isAsked: true }, undefined);
  assertEquals(blind.standing, "not_told", "what is not there grants nothing");
  const found = judgeGrants({ role: "serve", isAsked: true }, ["INSERT on orders"]);
  assertEquals(found.standing, "wrong");
  assertStringIncludes(found.remedy ?? "", "src/app/roles/serve.sql");
});
