/** More connections than the system has file descriptors for. */
import { assert, assertEquals } from "../support/assert.ts";

const listener = new URL("../../src/engine/observe/keep_listening.ts", import.meta.url);
const script = `
  import { keepListening } from ${JSON.stringify(listener.href)};
  const { addr } = keepListening({ hostname: "127.0.0.1", port: 0 }, () => new Response("here"));
  console.log(addr.port);
`;

Deno.test("connections beyond the file descriptors do not end the process, and others are answered again", async () => {
  const child = new Deno.Command("/bin/sh", {
    args: ["-c", 'ulimit -n 100; exec "$0" eval "$1"', Deno.execPath(), script],
    cwd: new URL("../../", import.meta.url),
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const lines = child.stdout.getReader();
  try {
    const { value } = await lines.read();
    const port = Number(new TextDecoder().decode(value));
    assert(port > 0);
    const connections: Deno.Conn[] = [];
    // The first that is refused says that none is left; else there are more than there can be.
    for (let refused = false; !refused && connections.length < 150;) {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port }).catch(() => undefined);
      if (connection) connections.push(connection);
      else refused = true;
    }
    let answer: string | undefined;
    for (let tries = 0; answer === undefined && tries < 100; tries++) {
      answer = await fetch(`http://127.0.0.1:${port}/`).then((response) => response.text())
        .catch(() => undefined);
      if (answer === undefined) await new Promise((resolve) => setTimeout(resolve, 100));
    }
    for (const connection of connections) connection.close();
    assertEquals(answer, "here");
  } finally {
    await lines.cancel();
    child.kill();
    await child.status;
  }
});
