/** The projector's positions are in Postgres: setting an offset of its group would say "Set" and move nothing. */
import { standingTable } from "../../src/cli/offsets_tables.ts";
import { type OffsetsAccess, offsetsCommand } from "../../src/cli/offsets.ts";
import { OffsetRefusedError } from "../../src/engine/kafka/offset_admin.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";

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
