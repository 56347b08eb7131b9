/** The page over a pipeline that really runs: HTTP, relay, flow, projector and what operates in this process, on the tests' services. */
import type { Browser, Page } from "playwright-core";
import { createObservability, workerObservers } from "../../src/app/compose/observability.ts";
import { openRuntime, type Runtime } from "../../src/app/compose/open_runtime.ts";
import { startOperate } from "../../src/app/compose/run_operate.ts";
import { roles } from "../../src/app/compose/roles.ts";
import { startHttp } from "../../src/app/compose/run_serve.ts";
import { runWorker } from "../../src/app/compose/run_worker.ts";
import { readConfig } from "../../src/config.ts";
import { freePort } from "../../src/tools/stack/ports.ts";
import { freshDatabase, services } from "../support/services.ts";

/** What runs, and where. */
export interface Pipeline extends AsyncDisposable {
  readonly runtime: Runtime;
  readonly origin: string;
}

/** Starts one with names, topics and a database of its own. */
export async function startPipeline(settings: Record<string, string>): Promise<Pipeline> {
  await using opened = new AsyncDisposableStack();
  const database = opened.use(await freshDatabase());
  const { kafkaBrokers } = await services();
  const config = readConfig({
    ...{ KAFKA_BROKERS: kafkaBrokers.join(","), DATABASE_URL: database.url },
    ...{ NAMESPACE: `page-${crypto.randomUUID()}`, TOPIC_PARTITIONS: "1" },
    ...{ HTTP_PORT: String(freePort()), HTTP_DRAIN_MS: "1", RETRY_COUNT_MAX: "0" },
    OPERATE_HTTP_PORT: String(freePort()),
    ...settings,
  });
  const runtime = opened.use(await openRuntime(config, { applicationName: "test" }));
  const observability = createObservability();
  opened.use(startOperate(config, runtime.services, createObservability(), String));
  const http = opened.use(startHttp(runtime, observability));
  const stop = new AbortController();
  const working = runWorker(runtime, {
    ...{ roles, guarantee: config.GUARANTEE, observers: workerObservers(observability) },
  }, stop.signal);
  opened.defer(async () => {
    stop.abort();
    await working;
  });
  const resources = opened.move();
  return {
    runtime,
    origin: `http://127.0.0.1:${http.port}`,
    [Symbol.asyncDispose]: () => resources[Symbol.asyncDispose](),
  };
}

/** Opens the page with a token; `complaints` is what the browser's console said. */
export async function openPage(
  browser: Browser,
  origin: string,
  token: string,
): Promise<{ readonly page: Page; readonly complaints: readonly string[] }> {
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.addInitScript(`sessionStorage.setItem("onceflow.token", ${JSON.stringify(token)})`);
  await page.goto(origin);
  return { page, complaints };
}
