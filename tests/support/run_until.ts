/** Runs a flow on the tests' broker until it has committed what a test waits for. */
import { writtenBy } from "../../src/engine/flow/flow_topics.ts";
import { runFlow } from "../../src/engine/flow/run_flow.ts";
import type { RunFlowHooks, RunFlowOptions } from "../../src/engine/flow/run_flow_options.ts";
import type { Flow } from "../../src/engine/core/flow.ts";
import type { LaneObserver } from "../../src/engine/core/lane_observer.ts";
import type { KafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { settled } from "./kafka.ts";

/** What lanes reported, summed up. */
export interface Totals {
  records: number;
  outputs: number;
  deadLetters: number;
  transactions: number;
  retries: number;
  resolved: string[];
}

/** How long a test waits at most, milliseconds. */
const patienceMs = 120_000;

/**
 * Runs the flow until `done(totals)` holds after a commit, then stops it; what it wrote can be read then. Rejects when that
 * takes too long, or when the flow halts.
 */
export async function runUntil<T>(
  client: KafkaClient,
  flow: Flow<T>,
  done: (totals: Totals) => boolean,
  options: Partial<RunFlowOptions> = {},
  hooks: RunFlowHooks = {},
): Promise<Totals> {
  const totals: Totals = {
    records: 0,
    outputs: 0,
    deadLetters: 0,
    transactions: 0,
    retries: 0,
    resolved: [],
  };
  const stop = new AbortController();
  const timer = setTimeout(
    () => stop.abort(new Error(`not done after ${patienceMs} ms: ${JSON.stringify(totals)}`)),
    patienceMs,
  );
  const given = options.observer;
  const observer: LaneObserver = {
    ...given,
    committed(batch) {
      totals.records += batch.records;
      totals.outputs += batch.outputs;
      totals.deadLetters += batch.deadLetters;
      totals.transactions++;
      given?.committed?.(batch);
      if (done(totals)) stop.abort(finished);
    },
    retrying(record, attempt, error) {
      totals.retries++;
      given?.retrying?.(record, attempt, error);
    },
    resolved: (outcome) => void totals.resolved.push(outcome),
  };
  try {
    await runFlow(client, flow, stop.signal, { ...options, observer }, hooks);
  } finally {
    clearTimeout(timer);
  }
  if (stop.signal.reason !== finished) throw stop.signal.reason;
  await settled(client, writtenBy(flow));
  return totals;
}

const finished = new DOMException("done", "AbortError");
