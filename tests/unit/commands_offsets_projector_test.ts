/** The projector's positions are in Postgres: setting an offset of its group would say "Set" and move nothing. */
import { type OffsetsAccess, offsetsCommand } from "../../src/cli/offsets.ts";
import { OffsetRefusedError } from "../../src/engine/kafka/offset_admin.ts";
import { assertRejects } from "../support/assert.ts";

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
