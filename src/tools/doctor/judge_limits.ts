/** Judges the brokers' limits against the settings of this program. Pure. */
import type { Config } from "../../config.ts";
import type { BrokerFacts } from "./broker_facts.ts";
import { type Finding, not, right } from "./finding.ts";

/** The settings of brokers that are looked at. */
export const brokerLimits: readonly string[] = [
  ...["transaction.max.timeout.ms", "transactional.id.expiration.ms"],
  ...["group.min.session.timeout.ms", "group.max.session.timeout.ms"],
  ...["offsets.retention.minutes", "message.max.bytes", "socket.request.max.bytes"],
  ...["unclean.leader.election.enable", "log.cleaner.enable"],
];

/** What of the settings of this program has to fit. */
export type Limited = Pick<
  Config,
  "TRANSACTION_TIMEOUT_MS" | "SESSION_TIMEOUT_MS" | "REQUEST_BYTES_MAX"
>;

const dayMs = 24 * 60 * 60 * 1_000;
/** What surrounds the records of a request. */
const requestOverheadBytes = 100_000;

/** Every limit of a broker that does not fit, by broker; `user` is who asks. */
export function judgeLimits(
  brokers: readonly BrokerFacts[],
  config: Limited,
  user = "?",
): Finding[] {
  const told = brokers.filter(({ settings }) => settings.errorCode === 0);
  if (told.length < brokers.length) {
    return [
      not(
        "not_told",
        "limits",
        `the brokers do not tell their settings to ${user === "?" ? "this client" : user}`,
        `kafka-acls.sh --add --allow-principal User:${user} --operation DescribeConfigs --cluster`,
      ),
    ];
  }
  const findings = told.flatMap((broker) => limitsOf(broker, config, told.length > 1));
  return findings.length > 0 ? findings : [right("limits", describe(told[0], config))];
}

function limitsOf(
  { nodeId, settings: { values } }: BrokerFacts,
  config: Limited,
  several: boolean,
): Finding[] {
  const number = (name: string) => Number(values.get(name) ?? NaN);
  const findings: Finding[] = [];
  const where = several ? ` (broker ${nodeId})` : "";
  const add = (
    standing: "wrong" | "warning",
    name: string,
    consequence: string,
    remedy: string,
  ) => {
    const text = `${name}=${values.get(name)}${where}: ${consequence}`;
    findings.push(not(standing, "limits", text, remedy));
  };
  const onBrokers = (setting: string) => `on the brokers: ${setting}`;

  const { TRANSACTION_TIMEOUT_MS, SESSION_TIMEOUT_MS, REQUEST_BYTES_MAX } = config;
  if (number("transaction.max.timeout.ms") < TRANSACTION_TIMEOUT_MS) {
    add(
      "wrong",
      "transaction.max.timeout.ms",
      `TRANSACTION_TIMEOUT_MS=${TRANSACTION_TIMEOUT_MS} is more, and no transaction can begin`,
      `set TRANSACTION_TIMEOUT_MS to at most ${values.get("transaction.max.timeout.ms")}`,
    );
  }
  for (
    const [end, isOut] of [["min", SESSION_TIMEOUT_MS < number("group.min.session.timeout.ms")], [
      "max",
      SESSION_TIMEOUT_MS > number("group.max.session.timeout.ms"),
    ]] as const
  ) {
    if (!isOut) continue;
    const name = `group.${end}.session.timeout.ms`;
    add(
      "wrong",
      name,
      `SESSION_TIMEOUT_MS=${SESSION_TIMEOUT_MS} is outside, and no worker can join its group`,
      `set SESSION_TIMEOUT_MS to at ${end === "min" ? "least" : "most"} ${values.get(name)}`,
    );
  }
  if (number("socket.request.max.bytes") < REQUEST_BYTES_MAX + requestOverheadBytes) {
    add(
      "wrong",
      "socket.request.max.bytes",
      `a request with REQUEST_BYTES_MAX=${REQUEST_BYTES_MAX} is cut off, and tried without end`,
      onBrokers("socket.request.max.bytes=104857600"),
    );
  }
  if (number("message.max.bytes") < REQUEST_BYTES_MAX) {
    add(
      "warning",
      "message.max.bytes",
      `a topic without max.message.bytes of its own takes no record of REQUEST_BYTES_MAX=${REQUEST_BYTES_MAX}`,
      onBrokers("message.max.bytes=1048588"),
    );
  }
  if (number("offsets.retention.minutes") * 60_000 < dayMs) {
    add(
      "warning",
      "offsets.retention.minutes",
      "a worker that is stopped for longer has lost its place, and halts for a person to decide",
      onBrokers("offsets.retention.minutes=10080"),
    );
  }
  if (number("transactional.id.expiration.ms") < dayMs) {
    add(
      "warning",
      "transactional.id.expiration.ms",
      "how the last transaction of a worker ended cannot be asked after that time",
      onBrokers("transactional.id.expiration.ms=604800000"),
    );
  }
  if (values.get("unclean.leader.election.enable") === "true") {
    add(
      "warning",
      "unclean.leader.election.enable",
      "a replica that lacks acknowledged records can become the leader, of committed offsets too",
      onBrokers("unclean.leader.election.enable=false"),
    );
  }
  if (values.get("log.cleaner.enable") === "false") {
    add(
      "warning",
      "log.cleaner.enable",
      "compacted topics, committed offsets among them, grow without end",
      onBrokers("log.cleaner.enable=true"),
    );
  }
  return findings;
}

function describe(broker: BrokerFacts | undefined, config: Limited): string {
  const value = (name: string) => broker?.settings.values.get(name);
  const hours = Number(value("offsets.retention.minutes")) / 60;
  return `TRANSACTION_TIMEOUT_MS=${config.TRANSACTION_TIMEOUT_MS}, SESSION_TIMEOUT_MS=${config.SESSION_TIMEOUT_MS} and ` +
    `REQUEST_BYTES_MAX=${config.REQUEST_BYTES_MAX} fit; offsets are kept for ${hours} h`;
}
