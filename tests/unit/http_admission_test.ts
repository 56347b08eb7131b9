/** When requests are turned away at the door. */
import { Hono } from "hono";
import { DependencyDownError } from "../../src/engine/core/errors.ts";
import { admission } from "../../src/app/http/admission.ts";
import { problemForError } from "../../src/app/http/problem_for_error.ts";
import { problemResponse } from "../../src/app/http/problem.ts";
import { assertEquals } from "../support/assert.ts";

/** A handler that the test answers for: each request waits until its turn. */
function door(options = { requestsInHandMax: 3, failuresMax: 2 }) {
  const waiting: PromiseWithResolvers<"up" | "down" | "refused">[] = [];
  const app = new Hono();
  app.use("/orders/*", admission(options));
  app.get("/orders", async (c) => {
    const turn = Promise.withResolvers<"up" | "down" | "refused">();
    waiting.push(turn);
    const outcome = await turn.promise;
    if (outcome === "down") throw new DependencyDownError("postgres", "gone");
    return c.text(outcome, outcome === "refused" ? 422 : 200);
  });
  app.onError((error) => {
    const { problem, headers } = problemForError(error);
    return problemResponse(problem, headers);
  });
  const knock = async () => (await app.request("/orders")).status;
  /** Lets the oldest request in hand go. */
  const answer = (outcome: "up" | "down" | "refused") => waiting.shift()?.resolve(outcome);
  const knockAnd = async (outcome: "up" | "down" | "refused") => {
    const status = knock();
    await entered();
    answer(outcome);
    return await status;
  };
  /** A request reaches its handler in a few turns of the microtask queue. */
  const entered = () => new Promise((resolve) => setTimeout(resolve, 0));
  return { knock, answer, knockAnd, entered, inside: () => waiting.length };
}

Deno.test("door turns away what exceeds its limit and lets in again what follows", async () => {
  const { knock, answer, entered } = door();
  const inHand = [knock(), knock(), knock()];
  await entered();
  assertEquals(await knock(), 503);
  answer("up");
  assertEquals(await inHand[0], 200);
  const next = knock();
  await entered();
  for (let i = 0; i < 3; i++) answer("up");
  assertEquals(await Promise.all([...inHand, next]), [200, 200, 200, 200]);
});

Deno.test("door lets one request in at a time while the database is down", async () => {
  const { knock, answer, knockAnd, entered, inside } = door();
  assertEquals(await knockAnd("down"), 503);
  assertEquals(await knockAnd("down"), 503);
  const probe = knock();
  await entered();
  assertEquals([inside(), await knock(), await knock(), inside()], [1, 503, 503, 1]);
  answer("down");
  assertEquals(await probe, 503);
  assertEquals(inside(), 0);
});

Deno.test("door opens with the first request that is answered again", async () => {
  const { knock, answer, knockAnd, entered, inside } = door();
  for (const outcome of ["down", "down", "down", "up"] as const) await knockAnd(outcome);
  const both = [knock(), knock()];
  await entered();
  assertEquals(inside(), 2);
  answer("up");
  answer("up");
  assertEquals(await Promise.all(both), [200, 200]);
});

Deno.test("door learns nothing from a request that was refused for its own faults", async () => {
  const { knock, knockAnd, entered, inside, answer } = door();
  for (const outcome of ["down", "down", "refused"] as const) await knockAnd(outcome);
  const probe = knock();
  await entered();
  assertEquals(await knock(), 503);
  assertEquals(inside(), 1);
  answer("up");
  assertEquals(await probe, 200);
});
