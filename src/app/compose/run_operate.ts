/** Wires the process that operates: the dead letters and the read model of the settings, behind HTTP. */
import { getLogger } from "@logtape/logtape";
import { type Config, ConfigError } from "../../config.ts";
import { openDeadLetterStore } from "../../engine/dead_letters/open_dead_letter_store.ts";
import { withinTime } from "../../engine/core/delay.ts";
import { createKafkaClient } from "../../engine/kafka/kafka_client.ts";
import { healthAnswer } from "../../engine/observe/health_server.ts";
import { hostRuleFor } from "../../engine/observe/host_rule.ts";
import { type HttpServer, startServer } from "../http/server.ts";
import { createOperateApp } from "../operate/create_operate_app.ts";
import { dropOldDeed, rollbackDeed } from "../operate/old_tables_deeds.ts";
import { rebuildDeed } from "../operate/rebuild_deed.ts";
import { redriveDeed } from "../operate/redrive_deed.ts";
import { unparkDeed } from "../operate/unpark_deed.ts";
import { auditBegunOf } from "./audited.ts";
import type { Observability } from "./observability.ts";
import { metricsGuard } from "./open_door.ts";
import { viewsOf } from "./prepare_schema.ts";
import { dropOldViews, rebuildViews, rollbackViews, viewsStatus } from "./read_model.ts";
import type { Services } from "./services.ts";

const log = getLogger(["onceflow", "operate"]);

/** So long may what is under way take to stop where it is safe, milliseconds. */
const settleMsMax = 3_000;

/**
 * Listens. Kafka and Postgres are connected to for each deed and left again after it. Disposing stops what is under way.
 *
 * @param describe an error in words for an operator
 * @throws {ConfigError} where no token has the right to operate: nobody could do anything here
 * @throws {Error} naming the address when it is taken or not ours
 */
export function startOperate(
  config: Config,
  services: Services,
  { metrics, health }: Observability,
  describe: (error: unknown) => string,
): HttpServer {
  refuseWithoutOperator(config);
  const stop = new AbortController();
  const openStore = () =>
    openDeadLetterStore(createKafkaClient(services.kafka), {
      topic: config.DEAD_LETTERS_TOPIC,
      transactionTimeoutMs: config.TRANSACTION_TIMEOUT_MS,
      batchBytesMax: config.REQUEST_BYTES_MAX,
      replicationFactor: config.TOPIC_REPLICATION_FACTOR,
    });
  const name = viewsOf(config).name;
  const status = () => viewsStatus(config, services);
  const old = {
    ...{ name, status },
    rollback: (options: Parameters<typeof rollbackViews>[2]) =>
      rollbackViews(config, services, options),
    dropOld: (options: Parameters<typeof dropOldViews>[2]) =>
      dropOldViews(config, services, options),
  };
  const { app, settle } = createOperateApp({
    tokens: config.API_TOKENS,
    requestsPerSecondMax: config.HTTP_REQUESTS_PER_S_MAX,
    plans: {
      redrive: redriveDeed(config.DEAD_LETTERS_TOPIC, openStore),
      unpark: unparkDeed(config.DEAD_LETTERS_TOPIC, openStore),
      rebuild: rebuildDeed({
        ...{ name, status },
        rebuild: (options) => rebuildViews(config, services, options),
      }),
      rollback: rollbackDeed(old),
      dropOld: dropOldDeed(old),
    },
    audit: (who, deed, act) =>
      auditBegunOf({ OPERATOR: who, NAMESPACE: config.NAMESPACE }, services)(deed, act),
    describe,
    stop: stop.signal,
    onFault: (error, requestId) =>
      log.error("Request {request_id} failed: {error}", {
        request_id: requestId,
        error: String(error),
      }),
  });
  const mayReadMetrics = metricsGuard(config);
  const server = startServer(
    (request, from) =>
      healthAnswer(request, health, metrics, mayReadMetrics) ?? app.fetch(request, from),
    {
      host: config.HTTP_HOST,
      ...{ port: config.OPERATE_HTTP_PORT, setting: "OPERATE_HTTP_PORT" },
      hosts: hostRuleFor(config.HTTP_HOST, config.HTTP_ALLOWED_HOSTS),
    },
  );
  return {
    ...server,
    async [Symbol.asyncDispose]() {
      stop.abort(new DOMException("The process ends", "AbortError"));
      await withinTime(settle(), settleMsMax, () => {});
      await server[Symbol.asyncDispose]();
    },
  };
}

function refuseWithoutOperator({ API_TOKENS }: Config): void {
  if (API_TOKENS.some(({ rights }) => rights.has("operate"))) return;
  throw new ConfigError(
    "API_TOKENS: no token has the right to operate, so nobody could do anything here. Give one, to serve as well: " +
      'API_TOKENS=ada:operate+read:$(openssl rand -hex 32), or "all" for every right',
  );
}
