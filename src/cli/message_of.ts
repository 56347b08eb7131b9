/** What a person is told about the error that ended a command: what went wrong, and what to do about it. Pure. */
import { connectionHint } from "../app/compose/connection_hint.ts";
import { NoServicesError } from "../app/compose/services.ts";
import { UnreachedError } from "../app/compose/unreached.ts";
import { ConfigError } from "../config.ts";
import { DependencyDownError } from "../engine/core/errors.ts";
import { refusedLogin } from "../engine/kafka/refused_login.ts";
import { StackError } from "../tools/stack/stack_error.ts";

/** These say it all; their causes would only repeat it. */
const complete = [
  ConfigError,
  NoServicesError,
  StackError,
  DependencyDownError,
  UnreachedError,
];

/** One line or more, without the stack. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (complete.some((kind) => error instanceof kind)) return error.message;
  if (error instanceof Deno.errors.NotCapable) {
    return `${error.message}\nWhat the tasks may do stands in deno.json, under "permissions"; ` +
      "they write below .onceflow only, so STACK_DIR has to be there";
  }
  const login = refusedLogin(error);
  if (login !== undefined) return `Kafka ${login}`;
  const chain = [...chainOf(error)];
  const unreached = chain.find(({ name }) =>
    name === "KafkaJSConnectionError" || name === "KafkaJSConnectionClosedError"
  );
  if (unreached) {
    const at = "broker" in unreached && unreached.broker ? ` at ${unreached.broker}` : "";
    return `Cannot reach Kafka${at}: is it running, and does KAFKA_BROKERS name it? (${unreached.message}${
      connectionHint(unreached)
    })`;
  }
  const [first = error, ...causes] = chain;
  return [first.message, ...causes.map(({ message }) => `  because: ${message}`)].join("\n");
}

function* chainOf(error: Error): Generator<Error> {
  for (let at: unknown = error; at instanceof Error; at = at.cause) yield at;
}
