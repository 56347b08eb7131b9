/** The HTTP side of operating: who may, what is refused before anything is done, and how a deed tells of itself. */
import { parseApiTokens } from "../../src/config/api_tokens.ts";
import { createOperateApp, type OperateDeps } from "../../src/app/operate/create_operate_app.ts";
import { ProblemError, problemOf } from "../../src/app/http/problem.ts";
import { redriveDeed } from "../../src/app/operate/redrive_deed.ts";
import { rebuildDeed } from "../../src/app/operate/rebuild_deed.ts";
import { dropOldDeed, rollbackDeed } from "../../src/app/operate/old_tables_deeds.ts";
import { unparkDeed } from "../../src/app/operate/unpark_deed.ts";
import { operatePaths } from "../../src/app/http/operate_routes.ts";
import { createAdmit } from "../../src/app/http/access.ts";
import { mayOperate } from "../../src/app/http/may_operate.ts";
import { forwardOperate } from "../../src/app/http/forward_operate.ts";
import { freePort } from "../../src/tools/stack/ports.ts";
import { DependencyDownError, HaltError, TransientError } from "../../src/engine/core/errors.ts";
import { RefusedError } from "../../src/engine/core/refused_error.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";

const [operator, reader] = ["o".repeat(32), "r".repeat(32)];
const { tokens } = parseApiTokens(`ada:operate:${operator},eve:place+read+metrics:${reader}`);

type Perform = ReturnType<OperateDeps["plans"]["redrive"]>["perform"];

/** The app around a deed of the test's own, and who was noted to have done it. */
function operating(perform: Perform, more: Partial<OperateDeps> = {}) {
  const noted: string[] = [];
  const deed = { action: "dlq redrive", target: "orders.DLQ", detail: {} };
  const plan = (body: unknown) => ({
    ...{ deed, perform, kind: "dead letters" as const },
    dryRun: JSON.stringify(body).includes("dry_run"),
  });
  const { app, settle } = createOperateApp({
    tokens,
    requestsPerSecondMax: 0,
    plans: { redrive: plan, unpark: plan, rebuild: plan, rollback: plan, dropOld: plan },
    audit: (who, _deed, act) =>
      act(() => {
        noted.push(who);
        return Promise.resolve();
      }),
    describe: (error) => error instanceof Error ? error.message : String(error),
    stop: new AbortController().signal,
    ...more,
  });
  const ask = (
    body: unknown,
    token = operator,
    headers: HeadersInit = {},
    path: string = operatePaths.redrive,
  ) =>
    app.request(path, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${token}`,
        ...headers,
      },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  return { app, ask, noted, settle };
}

const nothing: Perform = () => Promise.resolve({ redriven: 0 });
const one: Perform = async (_report, _signal, begin) => {
  await begin();
  return { redriven: 1 };
};

async function lines(response: Response) {
  return (await response.text()).trimEnd().split("\n").map((line) => JSON.parse(line));
}

Deno.test("nobody operates without a token that says so, and nobody at all where no tokens are", async () => {
  const { ask, noted } = operating(nothing);
  const statuses = [(await ask({}, reader)).status, (await ask({}, "x".repeat(32))).status];
  assertEquals(statuses, [403, 401]);
  const open = operating(nothing, { tokens: [] });
  const closed = await open.ask({});
  assertEquals([closed.status, (await closed.json()).type], [403, "urn:onceflow:problem:closed"]);
  assertEquals([...noted, ...open.noted], []);
});

Deno.test("a form of another site cannot operate: the body must be JSON and say so", async () => {
  const { ask, noted } = operating(nothing);
  const form = await ask("all=true", operator, {
    "content-type": "application/x-www-form-urlencoded",
  });
  assertEquals([form.status, form.headers.get("content-type"), noted], [
    415,
    "application/problem+json",
    [],
  ]);
});

Deno.test("a redrive that selects nothing is refused, and so is what cannot be meant", async () => {
  const open = () => {
    throw new Error("nothing may be opened");
  };
  const plans = {
    redrive: redriveDeed("orders.DLQ", open),
    unpark: unparkDeed("orders.DLQ", open),
    rebuild: rebuildDeed({ name: "views", status: open, rebuild: open }),
    rollback: rollbackDeed({ name: "views", status: open, rollback: open, dropOld: open }),
    dropOld: dropOldDeed({ name: "views", status: open, rollback: open, dropOld: open }),
  };
  const { ask, noted } = operating(nothing, { plans });
  for (
    const [body, field, said] of [
      [{}, "body", "all: true"],
      [{ all: true, again: true }, "again", "never sent again"],
      [{ addresses: ["2-17"] }, "addresses.0", "PARTITION/OFFSET"],
      [{ addresses: [] }, "addresses", "one or more"],
      [{ everything: true }, "everything", "is not a field"],
      [{ all: true, per_second: 0 }, "per_second", ""],
      [{ all: true, trips_max: 0 }, "trips_max", ""],
    ] as const
  ) {
    const answer = await ask(body);
    const { errors } = await answer.json();
    assertEquals([answer.status, errors[0].field], [422, field], JSON.stringify(body));
    assertStringIncludes(errors[0].detail, said);
  }
  for (
    const body of [{}, { key: "a", all: true }, { key_hex: "0g" }, { key: "a", wait_seconds: 9e9 }]
  ) {
    assertEquals((await ask(body, operator, {}, operatePaths.unpark)).status, 422);
  }
  for (
    const [path, body] of [
      [operatePaths.rebuild, { force: true }],
      [operatePaths.rebuild, { records_per_second: 0 }],
      [operatePaths.unpark, { key: "a", per_second: 1.5 }],
      [operatePaths.rollback, { at_once: "yes" }],
      [operatePaths.dropOld, { all: true }],
    ] as const
  ) {
    assertEquals((await ask(body, operator, {}, path)).status, 422, JSON.stringify(body));
  }
  assertEquals(noted, []);
});

Deno.test("a deed tells its end in the last line, noted under the token's name; a dry run and what finds nothing to do are not noted", async () => {
  const { ask, noted } = operating(one);
  const done = await ask({ all: true });
  assertEquals(done.headers.get("content-type"), "application/x-ndjson");
  assertEquals(await lines(done), [
    { kind: "begun", action: "dlq redrive" },
    { kind: "done", result: { redriven: 1 } },
  ]);
  await lines(await ask({ all: true, dry_run: true }));
  assertEquals(noted, ["ada"]);
  const idle = operating(nothing);
  await lines(await idle.ask({ all: true }));
  assertEquals(idle.noted, []);

  const failing = operating((report) => {
    report({ redriven: 1 });
    return Promise.reject(new HaltError("somebody else \u202eredrives"));
  });
  const [, failed] = await lines(await failing.ask({ all: true }));
  assertEquals([failed.kind, failed.problem.status], ["failed", 409]);
  assertEquals(failed.problem.title, "somebody else \\u202eredrives");
});

Deno.test("what fails before it has told anything is a problem with a status, and the next deed may begin", async () => {
  for (
    const [error, status, kind] of [
      [new RefusedError("no old tables are kept"), 409, "refused"],
      [new HaltError("records are gone"), 409, "halted"],
      [new RangeError("2/17 does not exist"), 422, "impossible"],
      [new ProblemError(problemOf(404, "not-parked", "not there")), 404, "not-parked"],
      [new DependencyDownError("postgres", "Postgres is away"), 503, "unavailable"],
      [new TransientError("Postgres ended the session"), 503, "unavailable"],
      [new Error("a fault"), 500, "failed"],
    ] as const
  ) {
    const { ask } = operating(() => Promise.reject(error));
    for (const again of [{ all: true }, { all: true, dry_run: true }, { all: true }]) {
      const answer = await ask(again);
      const { type, title, request_id: id } = await answer.json();
      assertEquals(
        [answer.status, answer.headers.get("content-type"), type, title],
        [status, "application/problem+json", `urn:onceflow:problem:${kind}`, error.message],
      );
      assertEquals(typeof id, "string");
    }
  }
});

Deno.test("one deed of a kind at a time; a client that goes away stops its own", async () => {
  const stopped = Promise.withResolvers<void>();
  const { ask, settle } = operating((report, signal) => {
    report({ redriven: 0 });
    signal.addEventListener("abort", () => stopped.resolve());
    return stopped.promise.then(() => Promise.reject(signal.reason));
  });
  const first = await ask({ all: true });
  const second = await ask({ all: true });
  assertEquals(second.status, 409);
  assertStringIncludes((await second.json()).detail, "ada has begun it at ");
  await first.body?.cancel();
  await stopped.promise;
  await settle();
  const third = await ask({ all: true });
  assertEquals(third.status, 200);
  await third.body?.cancel();
});

Deno.test("serve says so where nothing that operates can be reached", async () => {
  const forward = forwardOperate(`http://127.0.0.1:${freePort()}`);
  const asked = { name: "redrive", body: {}, client: "ada", authorization: "" } as const;
  const { problem } = await assertRejects(() => forward(asked), Error) as unknown as {
    problem: { status: number; detail: string };
  };
  assertEquals(problem.status, 503);
  assertStringIncludes(problem.detail, "deno task operate");
});

Deno.test("who could not operate now is told why before trying: no right, nobody who does it, other tokens there", async () => {
  const { app } = operating(nothing);
  await using there = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, app.fetch);
  const at = `http://127.0.0.1:${there.addr.port}`;
  const ask = async (token: string | undefined, { known = tokens, url = at } = {}) => {
    const authorization = token === undefined ? undefined : `Bearer ${token}`;
    const { may, problem } = await mayOperate(createAdmit(known), url)(authorization);
    return may || problem?.type.split(":").at(-1);
  };
  assertEquals(await ask(operator), true);
  assertEquals(await ask(reader), "no-right");
  assertEquals(await ask(undefined), "unauthorized");
  assertEquals(await ask(undefined, { known: [] }), "closed");
  assertEquals(await ask(operator, { url: `http://127.0.0.1:${freePort()}` }), "no-operator");
  const others = parseApiTokens(`ada:operate:${"p".repeat(32)}`).tokens;
  assertEquals(await ask("p".repeat(32), { known: others }), "no-operator");
});
