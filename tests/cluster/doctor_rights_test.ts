/** The doctor on a broker that allows nothing by itself: the rights of a role, there, missing and granted as it says. */
import { ensureAppTopics } from "../../src/app/compose/topics_of.ts";
import { ownServices } from "../../src/app/compose/services.ts";
import { readConfig } from "../../src/config.ts";
import { namesIn } from "../../src/engine/core/names.ts";
import { showOffsets, withCluster } from "../../src/engine/kafka/group_standing.ts";
import { describeTransaction } from "../../src/engine/kafka/open_transactions.ts";
import { waitFor } from "../../src/tools/stack/wait.ts";
import { laneCheckpointsTopic } from "../../src/engine/kafka/lane_checkpoints.ts";
import { ensureTopics } from "../../src/engine/kafka/topics.ts";
import { examine } from "../../src/tools/doctor/examine.ts";
import { freePort } from "../../src/tools/stack/ports.ts";
import { documentedGrants, type Grant, openAcls } from "../support/acls.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { startOwnBroker } from "../support/own_broker.ts";

Deno.test("rights of a role are told without taking any of them up", async () => {
  await using broker = await startOwnBroker({
    security: { users: ["ada"] },
    // As a coordinator before Kafka 4.0: it lists the newer protocol's requests, and refuses them.
    settings: { "group.coordinator.rebalance.protocols": "classic" },
  });
  const config = readConfig({
    KAFKA_BROKERS: broker.as("ada").settings.brokers.join(","),
    DATABASE_URL: `postgres://nobody@127.0.0.1:${freePort()}/none`,
    ...{ KAFKA_SASL_MECHANISM: "plain", KAFKA_SASL_USERNAME: "ada", KAFKA_SASL_PASSWORD: "ada" },
    ...{ TOPIC_PARTITIONS: "1", TOPIC_REPLICATION_FACTOR: "1" },
  });
  await ensureAppTopics(broker.client, config);
  await ensureTopics(broker.client, [laneCheckpointsTopic(namesIn(), 1)]);
  // A user who may not see these topics could not tell that Kafka has not made them yet.
  await withCluster(broker.client, (cluster) => describeTransaction(cluster, "nobody"));
  const groups = () => showOffsets(broker.client, "nobody").catch(() => undefined);
  assert(await waitFor(groups, { waitMsMax: 60_000 }));
  const look = async () => {
    const services = ownServices(config);
    assert(services);
    const sections = await examine(config, services, { timeoutMs: 60_000, roles: ["flow"] });
    const found = sections.find(({ about }) => about === "kafka")?.findings ?? [];
    const of = (subject: string) => found.find((finding) => finding.subject === subject);
    return { found, rights: of("rights of flow"), limits: of("limits"), disk: of("disk") };
  };

  await using acls = await openAcls(broker.client);
  const all = (await documentedGrants()).get("worker --only flow") ?? [];
  const isTaken = ({ name, operation }: Grant) => name === "invoices" && operation === "Write";
  await acls.grant({ ada: all.filter((grant) => !isTaken(grant)) });
  const lacking = await look();
  assertEquals(lacking.rights?.standing, "wrong", JSON.stringify(lacking.found));
  assertEquals(
    lacking.rights?.remedy,
    `kafka-acls.sh --bootstrap-server ${
      config.KAFKA_BROKERS?.join(",")
    } --add --allow-principal User:ada ` +
      "--operation Write --topic 'invoices'",
  );
  assertStringIncludes(lacking.rights?.text ?? "", "may not Write topic invoices");
  assertEquals(lacking.limits?.standing, "not_told");
  assertStringIncludes(lacking.limits?.remedy ?? "", "--operation DescribeConfigs --cluster");
  assertEquals(lacking.disk?.standing, "not_told");
  assertStringIncludes(lacking.disk?.remedy ?? "", "--operation Describe --cluster");

  await acls.grant({ ada: all.filter(isTaken) });
  const { found, rights } = await look();
  assertEquals(rights?.standing, "right");
  assertEquals(found.filter(({ standing }) => standing === "wrong"), []);
});
