import { createHealth } from "../../src/engine/core/health.ts";
import { laneObserver } from "../../src/engine/observe/lane_observer.ts";
import { createMetrics, type Metrics } from "../../src/engine/observe/metrics.ts";
import { projectorObserver } from "../../src/engine/observe/projector_observer.ts";
import { relayObserver } from "../../src/engine/observe/relay_observer.ts";
import { requestObserver } from "../../src/engine/observe/request_observer.ts";
import type { RelayObserver } from "../../src/engine/outbox/relay_options.ts";
import type { ProjectorDeps } from "../../src/engine/projection/project_partition.ts";
import type { RequestSeen } from "../../src/app/http/app_options.ts";
import { textHeader } from "../../src/engine/core/record.ts";
import { createObservability, workerObservers } from "../../src/app/compose/observability.ts";
import { readExposition } from "../support/prometheus_text.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";

const deadLettered = {
  record: {
    ...{ topic: "orders", partition: 0, offset: 7, timestamp: 0 },
    ...{ key: null, value: null, headers: [] },
  },
  reason: { errorClass: "PoisonError", error: "bad", attempts: 1, groupId: "invoicing" },
};

/** The samples as `name{labels}` to number. */
async function samples(metrics: Metrics): Promise<Map<string, number>> {
  const { body } = await metrics.expose();
  const lines = body.split("\n").filter((line) => line && !line.startsWith("#"));
  return new Map(lines.map((line) => {
    const cut = line.lastIndexOf(" ");
    return [line.slice(0, cut), Number(line.slice(cut + 1))];
  }));
}

Deno.test("a committed batch counts its records, outputs and dead letters once each", async () => {
  const metrics = createMetrics();
  const observer = laneObserver(metrics, createHealth(), "invoicing");
  observer.committed?.({ records: 100, outputs: 97, deadLetters: 3, ms: 20 });
  observer.failed?.("unknown");
  observer.resolved?.("aborted");
  observer.failed?.("migrated");
  observer.deadLettered?.([deadLettered, deadLettered]);
  const found = await samples(metrics);
  assertEquals(found.get('onceflow_records_total{flow="invoicing",outcome="processed"}'), 97);
  assertEquals(found.get('onceflow_records_total{flow="invoicing",outcome="dead_lettered"}'), 3);
  assertEquals(found.get('onceflow_outputs_total{flow="invoicing"}'), 97);
  assertEquals(found.get('onceflow_transactions_total{flow="invoicing",outcome="committed"}'), 1);
  assertEquals(found.get('onceflow_transactions_total{flow="invoicing",outcome="unknown"}'), 1);
  assertEquals(found.get('onceflow_transactions_total{flow="invoicing",outcome="aborted"}'), 1);
  assertEquals(found.get('onceflow_transactions_total{flow="invoicing",outcome="fenced"}'), 1);
  assertEquals(found.get('onceflow_dead_letters_total{flow="invoicing",class="PoisonError"}'), 2);
  assertEquals(found.get('onceflow_transaction_seconds_sum{flow="invoicing"}'), 0.02);
  assertEquals(
    found.get('onceflow_unknown_outcomes_total{role="invoicing",resolved="aborted"}'),
    1,
  );
});

Deno.test("the relay's lag is the age of the oldest row when its batch was committed", async () => {
  const metrics = createMetrics();
  const observer: Required<Omit<RelayObserver, "stands" | "outage">> = relayObserver(
    metrics,
    createHealth(),
    () => 10_000,
  );
  observer.leading(0, true);
  observer.relayed({ shard: 0, rows: 40, position: 41, oldestAt: new Date(7_500), ms: 20 });
  observer.relayed({ shard: 0, rows: 1, position: 42, oldestAt: new Date(11_000), ms: 5 });
  observer.failed("migrated");
  const found = await samples(metrics);
  assertEquals(found.get('onceflow_transactions_total{flow="relay",outcome="fenced"}'), 1);
  assertEquals(found.get('onceflow_relay_rows_total{shard="0"}'), 41);
  assertEquals(found.get('onceflow_relay_position{shard="0"}'), 42);
  assertEquals(found.get('onceflow_relay_leader{shard="0"}'), 1);
  assertEquals(found.get('onceflow_relay_lag_seconds_sum{shard="0"}'), 2.5);
  assertEquals(found.get('onceflow_transaction_seconds_sum{flow="relay"}'), 0.025);
});

Deno.test("what can be counted has a series before it happens, so that its first one is an increase", async () => {
  const observability = createObservability();
  const { relay, projector } = workerObservers(observability);
  relay?.leading?.(0, true);
  const at = { topic: "orders", partition: 2, nextOffset: 9 };
  projector?.onApplied?.({ ...at, events: 5, skipped: 1, repeated: 0 });
  const found = await samples(observability.metrics);
  const named = ["retries", "unknown_outcomes", "forgotten", "relay_waits", "projection_moves"];
  const zeros = [...found].filter(([name]) => named.some((part) => name.includes(part)));
  assertEquals(zeros.map(([name, value]) => `${name} ${value}`).toSorted(), [
    'onceflow_forgotten_transactions_total{outcome="abort"} 0',
    'onceflow_forgotten_transactions_total{outcome="commit"} 0',
    'onceflow_projection_moves_total{topic="orders"} 0',
    'onceflow_relay_waits_total{shard="0"} 0',
    'onceflow_retries_total{flow="invoicing"} 0',
    ...["invoicing", "relay"].flatMap((role) =>
      ["aborted", "committed"].map((resolved) =>
        `onceflow_unknown_outcomes_total{role="${role}",resolved="${resolved}"} 0`
      )
    ),
  ]);
});

Deno.test("a projector's run counts what was applied, skipped and repeated", async () => {
  const metrics = createMetrics();
  const observer: Pick<ProjectorDeps<never>, "onApplied" | "onMoved" | "onDependency"> =
    projectorObserver(metrics, createHealth());
  observer.onApplied?.({
    topic: "orders",
    partition: 2,
    nextOffset: 9,
    events: 5,
    skipped: 1,
    repeated: 0,
  });
  const found = await samples(metrics);
  assertEquals(
    found.get('onceflow_projection_events_total{topic="orders",outcome="applied"}'),
    5,
  );
  assertEquals(found.get('onceflow_projection_position{topic="orders",partition="2"}'), 9);
});

Deno.test("requests with invented methods share one series", async () => {
  const metrics = createMetrics();
  const seen: (request: RequestSeen) => void = requestObserver(metrics);
  seen({ method: "POST", route: "/orders", status: 202, durationMs: 5 });
  seen({ method: "BREW", route: "/*", status: 405, durationMs: 1 });
  seen({ method: "STIR", route: "/*", status: 405, durationMs: 1 });
  const found = await samples(metrics);
  assertEquals(
    found.get('onceflow_http_requests_total{method="other",route="/*",status="405"}'),
    2,
  );
  assertEquals(
    found.get('onceflow_http_request_seconds_count{method="POST",route="/orders"}'),
    1,
  );
});

const happened = {
  ...deadLettered.record,
  headers: [textHeader("ce_time", "1970-01-01T00:00:10.000Z")],
};

Deno.test("the whole way is told of a transaction's first record, from when its event happened", async () => {
  const metrics = createMetrics();
  const lane = laneObserver(metrics, createHealth(), "invoicing", () => 12_500);
  lane.committed?.({ records: 2, outputs: 2, deadLetters: 0, ms: 1, first: happened });
  lane.committed?.({ records: 0, outputs: 0, deadLetters: 0, ms: 1 });
  const view = projectorObserver(metrics, createHealth(), () => 9_000);
  const applied = { topic: "orders", partition: 0, nextOffset: 9, skipped: 0, repeated: 0 };
  view.onApplied({ ...applied, events: 1, first: happened });
  view.onApplied({ ...applied, events: 0, first: happened });
  const found = await samples(metrics);
  const [flow, read] = ["invoicing", "view"].map((stage) => `{stage="${stage}",topic="orders"}`);
  assertEquals(found.get(`onceflow_end_to_end_seconds_sum${flow}`), 2.5);
  assertEquals(found.get(`onceflow_end_to_end_seconds_count${flow}`), 1);
  assertEquals(found.get(`onceflow_end_to_end_seconds_sum${read}`), 0, "a clock that is ahead");
  assertEquals(found.get(`onceflow_end_to_end_seconds_count${read}`), 1);
});

Deno.test("conditions are metrics, and go with whoever reported them", async () => {
  const { metrics, health } = createObservability();
  health.down("postgres", "away");
  health.up("lane:orders-0");
  const first = await samples(metrics);
  assertEquals(first.get('onceflow_check_ok{check="postgres"}'), 0);
  assertEquals(first.get('onceflow_check_ok{check="lane:orders-0"}'), 1);
  health.remove("lane:orders-0");
  assertEquals((await samples(metrics)).has('onceflow_check_ok{check="lane:orders-0"}'), false);
});

Deno.test("the reader of the text format objects to what is wrong, and to nothing of ours", async () => {
  const wrong = [
    "# HELP a_seconds_total x\n# TYPE a_seconds_total gauge\na_seconds_total 1\n",
    "# TYPE a gauge\na 1\n",
    "# HELP a_ms x\n# TYPE a_ms gauge\na_ms 1\n",
    "# HELP a x\n# TYPE a counter\na 1\n",
    "# HELP a x\n# TYPE a gauge\na{b=c} 1\n",
    "# HELP a x\n# TYPE a gauge\na 1\na 1\n",
    "# HELP a x\n# TYPE a gauge\na one\n",
  ];
  for (const text of wrong) assertEquals(readExposition(text).objections.length, 1, text);
  const { families, objections } = readExposition((await createMetrics().expose()).body);
  assertEquals(objections, []);
  assert(families.size > 25);
});

Deno.test("two registries of one process do not share a count", async () => {
  const [one, two] = [createMetrics(), createMetrics()];
  one.retries.inc({ flow: "a" });
  assert(!(await two.expose()).body.includes('onceflow_retries_total{flow="a"}'));
});

Deno.test("a read for the scrape that fails is counted and the scrape answers", async () => {
  const metrics = createMetrics();
  metrics.onScrape(() => Promise.reject(new Error("down")));
  metrics.onScrape(() => Promise.resolve(metrics.horizonAgeSeconds.set(1.5)));
  const found = await samples(metrics);
  assertEquals(found.get("onceflow_outbox_horizon_age_seconds"), 1.5);
  assertEquals(found.get("onceflow_scrape_failures_total"), 1);
});

Deno.test("the process' own figures need no permission", async () => {
  const { body, contentType } = await createMetrics().expose();
  assertStringIncludes(body, "process_resident_memory_bytes ");
  assertStringIncludes(contentType, "text/plain");
});
