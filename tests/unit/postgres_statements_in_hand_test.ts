import { InHand, type Statement } from "../../src/engine/postgres/statements_in_hand.ts";
import { assertEquals } from "../support/assert.ts";

const refusal = new Error("cannot execute INSERT in a read-only transaction");

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
  for (const giveToPool of inHand.take()) giveToPool(refusal);
  assertEquals(all.map(({ told }) => told.join()), [
    ...["answered", "sent again", "sent again", "answered", "sent again"],
  ]);
});

Deno.test("what has followed refused statements for too long is refused, and not left to their connection", () => {
  let now = 0;
  const { value, told } = statement();
  const given: Statement[] = [];
  value.handler = (again) => void given.push(again);
  let inHand = new InHand(() => now);
  inHand.add(value);
  const refuseOne = () => {
    inHand.condemn();
    for (const giveToPool of inHand.take()) giveToPool(refusal);
  };
  refuseOne();
  now = 6_000;
  // Another connection: what waits has come to the first one.
  inHand = new InHand(() => now);
  inHand.add(given[0] ?? value);
  refuseOne();
  assertEquals([told, given.length], [["refused"], 1]);
});
