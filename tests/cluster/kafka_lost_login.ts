/** A login whose connection is cut before the broker has answered it: an outage, and no word about the password. */
import { createKafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { isOutage } from "../../src/engine/kafka/error_verdict.ts";
import { groupVerdict } from "../../src/engine/kafka/group_verdict.ts";
import { refusedLogin } from "../../src/engine/kafka/refused_login.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { inTime } from "../support/in_time.ts";
import type { OwnBroker } from "../support/own_broker.ts";

/** What a client sends first: ApiVersions, SaslHandshake, and then the login. */
const requestsBeforeLogin = 2;

/** Tries it with a user whose password is right. */
export async function loseLogin(broker: OwnBroker, user: string): Promise<void> {
  const { settings } = broker.as(user);
  const [place = ""] = settings.brokers;
  const [hostname = "", port = ""] = place.split(":");
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let cut = 0;
  const serving = (async () => {
    for await (const client of listener) {
      const server = await Deno.connect({ hostname, port: Number(port) });
      server.readable.pipeTo(client.writable).catch(() => {});
      const sent = server.writable.getWriter();
      let requests = 0;
      for await (const bytes of client.readable) {
        if (requests++ === requestsBeforeLogin) break;
        await sent.write(bytes);
      }
      if (requests > requestsBeforeLogin) cut++;
      await sent.close().catch(() => {});
    }
  })();
  const cluster = createKafkaClient({
    ...settings,
    brokers: [`127.0.0.1:${listener.addr.port}`],
  }).cluster();
  try {
    const ask = async () => {
      await cluster.connect();
      await cluster.refreshMetadata();
    };
    const error = await assertRejects(() => inTime(ask(), "it is told"));
    assertEquals(
      [refusedLogin(error), groupVerdict(error), isOutage(error), cut > 0],
      [undefined, "wait", true, true],
      String(error),
    );
  } finally {
    await cluster.disconnect();
    listener.close();
    await serving.catch(() => {});
  }
}
