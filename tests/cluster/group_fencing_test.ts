/** The cases of the argument, and mistakes in the place of its steps that each of them finds. Protocol 1: kafka_transactor_test. */
import { assertEquals } from "../support/assert.ts";
import { testClient } from "../support/kafka.ts";
import {
  inTheNextGeneration,
  withoutGeneration,
  withoutWaiting,
} from "../support/mutants/mutated_commits.ts";
import { fencingCases, flowOfTwo, outputsWhenHeldUp } from "./group_fencing_cases.ts";

const twice = ["k0", "k1", "k1"];

for (const [name, run] of fencingCases) Deno.test(name, async () => await run(await testClient()));

for (const mutate of [withoutGeneration, inTheNextGeneration]) {
  Deno.test(`mutant: made ${mutate.name}, the same commit doubles what the next owner did`, async () => {
    const flow = await flowOfTwo(await testClient(), "mutant");
    assertEquals(
      await outputsWhenHeldUp("before-offsets", "the next owner has committed", flow, { mutate }),
      twice,
    );
  });
}

Deno.test("mutant: whoever does not wait for a pending offset does the same again", async () => {
  const flow = await flowOfTwo(await testClient(), "mutant");
  assertEquals(
    await outputsWhenHeldUp("before-end-txn", "the next owner has committed", flow, {
      stableOffset: withoutWaiting(flow.client),
    }),
    twice,
  );
});
