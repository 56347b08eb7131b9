/** The projector's positions are in Postgres: setting an offset of its group would say "Set" and move nothing. */
import { refuseUnknown } from "../../src/cli/offsets_named.ts";
import { changeTable, standingTable } from "../../src/cli/offsets_tables.ts";
import { type OffsetsAccess, offsetsCommand } from "../../src/cli/offsets.ts";
import { OffsetRefusedError } from "../../src/engine/kafka/offset_admin.ts";
import { assertEquals, assertRejects, assertThrows } from "../support/assert.ts";

Deno.test("an offset of the projector's group is refused, and what to do is said", async () => {
  // Nothing else of it may be touched before the refusal.
  const access = { projectorGroup: "projectors", flowGroup: "flow" } as OffsetsAccess;
  const command = offsetsCommand({
    confirm: () => true,
    withOffsets: (act) => act(access, new AbortController().signal),
  });
  const words = "set --group projectors --topic orders --partition 0 --to 5 --yes".split(" ");
  await assertRejects(
    () => command.parseAsync(words, { from: "user" }),
    OffsetRefusedError,
    "projection rebuild",
  );
});

Deno.test("a cursor, whose topic has no records, is shown without a lag", () => {
  const place = { topic: "cursor", partition: 0, committed: 301, pending: false, metadata: "" };
  const log = { start: 0, stableEnd: 0, highWatermark: 0 };
  const table = (cursorTopic: string) =>
    standingTable(
      {
        groupId: "g",
        state: "Empty",
        protocol: "",
        members: [],
        partitions: [{ ...place, log, lag: -301 }],
      },
      cursorTopic,
    );
  assertEquals(table("cursor").includes("-301"), false);
  assertEquals(table("another").includes("-301"), true);
});

Deno.test("what is set on a log that was replaced is counted by what that holds", () => {
  const change = (committed: number, to: "earliest" | "latest", after: number) => ({
    ...{ groupId: "g", topic: "orders", partition: 0, to, after },
    ...{ metadataAfter: "", newGroup: false },
    before: {
      ...{ topic: "orders", partition: 0, committed, metadata: "", pending: false },
      log: { start: 0, stableEnd: 40, highWatermark: 40 },
    },
  });
  const said = (...given: Parameters<typeof change>) =>
    changeTable(change(...given), false).split("\n").at(-1);
  assertEquals(
    said(100, "earliest", 0),
    "The log ends at 40, below the offset that was committed: it is not the one that was read. Up to 40 offsets of it will " +
      "be processed; which of them had been before nobody can tell.",
  );
  assertEquals(said(100, "latest", 40)?.includes("Up to 0 offsets"), true);
  assertEquals(
    said(30, "earliest", 0),
    "Up to 30 offsets will be processed a second time, and their outputs written again.",
  );
});

Deno.test("where a group stands fits 100 columns, with its metadata below", () => {
  const metadata =
    "mark=2:230:230:1:1:106:-1:1795809336195 topic_id=ed5a8e8c764746c788975047a3cc29bc";
  const log = { start: 0, stableEnd: 1_000_000, highWatermark: 1_000_000 };
  const place = { topic: "onceflow.outbox-cursor", partition: 0, committed: 1, pending: false };
  const group = { groupId: "g", state: "Empty", protocol: "", members: [] };
  const lines = standingTable(
    { ...group, partitions: [{ ...place, log, lag: 9, metadata: `${metadata} more of it` }] },
    "cursor",
  ).split("\n");
  assertEquals(lines.filter((line) => line.length > 100), []);
  assertEquals(
    lines.at(-1)?.startsWith(`onceflow.outbox-cursor-0: ${metadata.slice(0, 60)}`),
    true,
  );
});

Deno.test("a group or topic that is named and not there is refused with what is", () => {
  const dead = { state: "Dead", members: [], protocol: "", partitions: [] };
  const ours = ["onceflow.invoicing", "onceflow.relay"];
  const show = (named: { group?: string; topic?: string }) =>
    refuseUnknown([{ ...dead, groupId: named.group ?? "onceflow.relay" }], named, ours);
  assertThrows(() => show({ group: "nope" }), Error, "are onceflow.invoicing, onceflow.relay");
  assertThrows(() => show({ topic: "nope" }), Error, "there is no such topic");
  // One of its own that has not begun yet is shown as it is.
  show({ group: "onceflow.relay" });
  show({});
});
