/** The flow without a broker, in milliseconds. */
import { testFlow } from "@onceflow/onceflow/testing";
import { counting, counts } from "./flow.ts";

Deno.test("each visit counts once, and what is none becomes a dead letter", async () => {
  await testFlow(counting)
    .given(
      { page: "home", visitor: "ada" },
      { page: "home", visitor: "" },
      { page: "home", visitor: "bob" },
    )
    .expect(counts, [{ page: "home", count: 1 }, { page: "home", count: 2 }])
    .expectDeadLetters([{ errorClass: "PoisonError", key: "home" }])
    .expectNothingElse();
});
