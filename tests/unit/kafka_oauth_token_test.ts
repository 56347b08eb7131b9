/** Tokens of an endpoint: asked for once, kept while they are good, and what refuses one is told apart from what is away. */
import { saslOption, userOf } from "../../src/engine/kafka/login.ts";
import { createTokenSource } from "../../src/engine/kafka/oauth_token.ts";
import { refusedLogin } from "../../src/engine/kafka/refused_login.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";

interface Asked {
  readonly authorization: string | null;
  readonly form: Record<string, string>;
}

/** An endpoint that gives numbered tokens, or whatever else it is told to answer. */
function endpoint(answer: (count: number) => Response) {
  const asked: Asked[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (r) => {
    const form = Object.fromEntries(new URLSearchParams(await r.text()));
    asked.push({ authorization: r.headers.get("authorization"), form });
    return answer(asked.length);
  });
  const tokenEndpoint = `http://127.0.0.1:${server.addr.port}/token`;
  const client = { tokenEndpoint, clientId: "a:b", clientSecret: "ü +", scope: "kafka" };
  return { asked, client, [Symbol.asyncDispose]: () => server.shutdown() };
}

const token = (count: number) => Response.json({ access_token: `t${count}`, expires_in: 100 });

Deno.test("a token is asked for as RFC 6749 says, by many logins at once, and again before it is old", async () => {
  await using one = endpoint(token);
  let now = 0;
  const next = createTokenSource(one.client, () => now);
  assertEquals(await Promise.all([next(), next(), next()]), ["t1", "t1", "t1"]);
  now = 79_999;
  assertEquals(await next(), "t1");
  now = 80_000;
  assertEquals(await next(), "t2");
  const [first] = one.asked;
  assertEquals(first?.form, { grant_type: "client_credentials", scope: "kafka" });
  assertEquals(first?.authorization, `Basic ${btoa("a%3Ab:%C3%BC+%2B")}`);
});

Deno.test("a refused client is a refused login, and what is no answer is an outage", async () => {
  const cases: [Response, boolean][] = [
    [Response.json({ error: "invalid_client" }, { status: 401 }), true],
    [Response.json({ error: "invalid_scope" }, { status: 400 }), true],
    [new Response("oops", { status: 502 }), false],
    [Response.json({ token_type: "bearer" }), false],
    [new Response(null, { status: 302, headers: { location: "http://127.0.0.1:1/" } }), false],
  ];
  for (const [answer, isRefused] of cases) {
    await using one = endpoint(() => answer);
    const error = await assertRejects(createTokenSource(one.client), Error);
    assertEquals(refusedLogin(error) !== undefined, isRefused, error.message);
    assert(!error.message.includes(one.client.clientSecret));
  }
});

Deno.test("a token in a file is read anew each time", async () => {
  const file = await Deno.makeTempFile();
  try {
    const tokenEndpoint = new URL(`file://${file}`).href;
    const next = createTokenSource({ tokenEndpoint, clientId: "", clientSecret: "" });
    for (const text of ["one", "two"]) {
      await Deno.writeTextFile(file, `${text}\n`);
      assertEquals(await next(), text);
    }
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("a program can bring tokens of its own, and a user is known only with a password", async () => {
  const login = { mechanism: "oauthbearer", token: () => Promise.resolve("mine") } as const;
  const option = saslOption(login) as { oauthBearerProvider(): Promise<{ value: string }> };
  assertEquals((await option.oauthBearerProvider()).value, "mine");
  assertEquals(userOf(login), undefined);
  assertEquals(userOf({ mechanism: "plain", username: "ann", password: "x" }), "ann");
});
