/** Judges the brokers: can all be reached, which Kafka are they, how do they end transactions. Pure. */
import { lineAt } from "../../engine/kafka/forgetful_line.ts";
import type { BrokerAway, BrokerFacts } from "./broker_facts.ts";
import { type Finding, not, right } from "./finding.ts";

/** Fetch by the topic's id: from Kafka 3.1 on. */
const fetchKey = 1;
const fetchVersionMin = 13;

/** Whether every broker that the cluster names can be reached from here. */
export function judgeReach(there: readonly BrokerFacts[], away: readonly BrokerAway[]): Finding[] {
  const subject = "brokers";
  const lost = away.map(({ nodeId, address, reason }) =>
    address === undefined ? down(nodeId) : not(
      "wrong",
      subject,
      `broker ${nodeId} does not answer at ${address}, where the cluster says that it is (${reason}): ` +
        `what it leads is out of reach`,
      `start it; or, where it runs, make ${address} reachable from here, or set its advertised.listeners to ` +
        "an address that is, and restart it",
    )
  );
  if (lost.length > 0) return lost;
  const ids = there.map(({ nodeId }) => nodeId).join(", ");
  if (there.length > 1) return [right(subject, `${there.length} answer (${ids})`)];
  return [
    not(
      "warning",
      subject,
      "there is one broker: while it is away nothing goes on, and what its disk loses is lost",
      "for data that counts run three, with replication factor 3 and min.insync.replicas=2",
    ),
  ];
}

/** Kafka does not list a broker that is down; only its partitions tell that there is one. */
function down(nodeId: number): Finding {
  return not(
    "wrong",
    "brokers",
    `broker ${nodeId} is down: partitions are to be held by it, and the cluster does not list it`,
    "start it; where it is gone for good, give its partitions to others: kafka-reassign-partitions.sh",
  );
}

/** Which versions they are of. */
export function judgeVersions(there: readonly BrokerFacts[]): Finding[] {
  const subject = "version";
  const old = there.filter(({ requests }) => (requests[fetchKey] ?? -1) < fetchVersionMin);
  if (old.length > 0) {
    return [
      not(
        "wrong",
        subject,
        `${named(old)} of a Kafka before 3.1, which cannot be read by a topic's identity`,
        "use Kafka 3.1 or later; src/guarantee.md says which versions keep transactions",
      ),
    ];
  }
  const found = there.map(({ features }) => lineAt(features.metadataVersionMax));
  const lines = [...new Set(found.map((line) => line?.line ?? "unknown to this program"))].sort();
  const forget = new Set(found.flatMap((line) => line?.forget ?? []));
  const findings = [...forget].map((versions) =>
    not(
      "warning",
      subject,
      `Kafka is of a line of which ${versions} can forget to end a transaction in a partition that has no ` +
        "leader at that moment (KAFKA-20734); Kafka does not tell which of the line it is",
      'use a version that src/guarantee.md lists under "Which Kafka keeps it"; until then have several replicas',
    )
  );
  if (lines.length > 1) {
    findings.push(
      not(
        "warning",
        subject,
        `the brokers are of different lines: ${lines.join(", ")}`,
        "bring all of them to the newest, where no upgrade is under way",
      ),
    );
  }
  return findings.length > 0 ? findings : [right(subject, `Kafka ${lines.join(", ")}`)];
}

/** Which transaction protocol is spoken. */
export function judgeProtocol(there: readonly BrokerFacts[]): Finding[] {
  const subject = "transactions";
  const agreed = Math.min(...there.map(({ features }) => features.transactionVersion));
  const possible = Math.min(...there.map(({ features }) => features.transactionVersionMax));
  if (agreed >= 2) return [right(subject, `protocol ${agreed} (KIP-890)`)];
  if (possible < 2) return [right(subject, "protocol 1: protocol 2 (KIP-890) needs Kafka 4.0")];
  return [
    not(
      "warning",
      subject,
      "protocol 1, although the brokers know protocol 2 (KIP-890), which takes fewer requests and cannot " +
        "end a later transaction by a late request",
      "kafka-features.sh upgrade --feature transaction.version=2",
    ),
  ];
}

function named(brokers: readonly BrokerFacts[]): string {
  const ids = brokers.map(({ nodeId }) => nodeId).join(", ");
  return brokers.length === 1 ? `broker ${ids} is` : `brokers ${ids} are`;
}
