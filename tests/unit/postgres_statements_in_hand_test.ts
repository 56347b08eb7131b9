import { InHand, type Statement } from "../../src/engine/postgres/statements_in_hand.ts";
import { assertEquals } from "../support/assert.ts";

/** A statement, and what has become of it. */
function statement() {
  const told: string[] = [];
  const value: Statement = {
    resolve: () => void told.push("answered"),
    reject: () => void told.push("refused"),
    handler: () => void told.push("sent again"),
  };
  return { value, told };
}

Deno.test("what a session that takes no writes still answers is asked elsewhere, unless it has changed something", () => {
  const inHand = new InHand();
  const [answered, read, begun, wrote, silent] = Array.from({ length: 5 }, statement);
  const all = [answered, read, begun, wrote, silent].flatMap((one) => one ?? []);
  for (const { value } of all) inHand.add(value);
  answered?.value.resolve({ command: "SELECT" });
  inHand.condemn();
  read?.value.resolve({ command: "SELECT" });
  begun?.value.resolve({ command: "BEGIN" });
  wrote?.value.resolve({ command: "INSERT" });
  for (const giveToPool of inHand.take()) giveToPool();
  assertEquals(all.map(({ told }) => told.join()), [
    ...["answered", "sent again", "sent again", "answered", "sent again"],
  ]);
});
