/** Judges the settings of this program: what is unusual, and what leaves a door open. Pure. */
import { refuseOpenDoor } from "../../app/compose/open_door.ts";
import { type Config, ConfigError, readConfig } from "../../config.ts";
import { isLoopback } from "../../engine/observe/host_rule.ts";
import { type Finding, not, right } from "./finding.ts";

const waitMsUsualMax = 60_000;

/** Conflicts are not among them: with one of those no command begins. */
export function judgeSettings(config: Config): Finding[] {
  const findings = [
    ...guaranteeOf(config),
    ...loginOf(config),
    ...doorOf(config),
    ...waitsOf(config),
  ];
  if (findings.length > 0) return findings;
  const changed = changedSettings(config);
  const text = changed.length === 0
    ? "all as by default"
    : `other than by default: ${changed.join(", ")}`;
  return [right("settings", text)];
}

function guaranteeOf({ GUARANTEE }: Config): Finding[] {
  if (GUARANTEE === "exactly-once") return [];
  return [
    not(
      "warning",
      "GUARANTEE",
      `it is ${GUARANTEE}: the worker ${
        GUARANTEE === "at-least-once" ? "writes twice" : "loses"
      } what is in hand when it is killed`,
      "leave it out, where that is not what is wanted",
    ),
  ];
}

function loginOf({ KAFKA_SASL_MECHANISM, KAFKA_SSL, KAFKA_BROKERS = [] }: Config): Finding[] {
  const isNear = KAFKA_BROKERS.every((place) => isLoopback(place.replace(/:\d+$/, "")));
  if (KAFKA_SSL || KAFKA_SASL_MECHANISM === undefined || isNear) return [];
  return [
    not(
      "warning",
      "KAFKA_SSL",
      `the login (${KAFKA_SASL_MECHANISM}) and all records go to the brokers unencrypted`,
      "set KAFKA_SSL=true, and KAFKA_SSL_CA for an authority of your own",
    ),
  ];
}

function doorOf(config: Config): Finding[] {
  try {
    refuseOpenDoor(config);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const [text = "", ...remedy] = error.message.replace(/^HTTP_HOST: /, "").split(". ");
    return [not("wrong", "HTTP_HOST", text, remedy.join(". "))];
  }
  if (isLoopback(config.HTTP_HOST) || config.API_TOKENS.length > 0) return [];
  return [
    not(
      "warning",
      "ALLOW_ANONYMOUS",
      `whoever reaches ${config.HTTP_HOST} may place and read orders`,
      "set API_TOKENS, unless only those who may do so reach it",
    ),
  ];
}

function waitsOf({ TRANSACTION_TIMEOUT_MS, SESSION_TIMEOUT_MS }: Config): Finding[] {
  const findings: Finding[] = [];
  if (TRANSACTION_TIMEOUT_MS > waitMsUsualMax) {
    findings.push(
      not(
        "warning",
        "TRANSACTION_TIMEOUT_MS",
        `it is ${TRANSACTION_TIMEOUT_MS}: readers of a partition wait that long behind a worker that was lost`,
        "10000 is usual",
      ),
    );
  }
  if (SESSION_TIMEOUT_MS > waitMsUsualMax) {
    findings.push(
      not(
        "warning",
        "SESSION_TIMEOUT_MS",
        `it is ${SESSION_TIMEOUT_MS}: so long nobody takes over the partitions of a worker that was lost`,
        "10000 is usual",
      ),
    );
  }
  return findings;
}

/** Names only: a value may be a secret. */
function changedSettings(config: Config): string[] {
  const usual: Record<string, unknown> = readConfig({});
  return Object.entries(config)
    .filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(usual[name]))
    .map(([name]) => name);
}
