/** Judges how far an order has come, from the facts in the scratch database. Reads nothing else. */
import { hindranceAt, hindranceOfOffset } from "./hindrance.ts";
import type { PipelineNames } from "./pipeline_names.ts";
import type { Spill, SpillRow } from "./spill.ts";
import { isWithheld } from "./withheld.ts";

/** The last stage that the order has reached for good. */
export type OrderStage =
  | "unknown"
  | "in the outbox"
  | "being published"
  | "waiting for the worker"
  | "dead-lettered"
  | "waiting for the projector"
  | "invoiced"
  | "missing";

/** Where an order is, in a word and in sentences. */
export interface OrderStanding {
  readonly stage: OrderStage;
  /** What that means, and what moves it on. */
  readonly because: string;
}

/** `consumed`, `relayed_up_to` and `projected` hold where the roles stand now. */
export function standingOf(spill: Spill, names: PipelineNames): OrderStanding {
  const expected = spill.rows("select * from expected limit 1")[0];
  const published = spill.rows("select * from published order by partition, offset");
  const invoiced = spill.rows("select * from invoiced order by partition, offset");
  const dead = spill.rows("select * from dead order by partition, offset");
  if (expected === undefined && published.length + invoiced.length + dead.length === 0) {
    return { stage: "unknown", because: "neither Postgres nor Kafka has heard of this order" };
  }
  const live = published.filter(committed).at(-1);
  if (live === undefined) return beforeTheLog(spill, expected, published, names);
  const invoice = invoiced.filter(committed).at(-1);
  if (invoice) return afterTheOutcome(spill, invoice, names.invoicesTopic, "invoiced");
  const letter = dead.filter((row) =>
    committed(row) && row.from_partition === live.partition && row.from_offset === live.offset
  ).at(-1);
  if (letter) return afterTheOutcome(spill, letter, names.deadLettersTopic, "dead-lettered");
  return beforeTheOutcome(spill, live, [...invoiced, ...dead], names);
}

function committed(row: SpillRow): boolean {
  return row.state === "committed";
}

function beforeTheLog(
  spill: Spill,
  expected: SpillRow | undefined,
  published: readonly SpillRow[],
  names: PipelineNames,
): OrderStanding {
  const pending = published.find((row) => row.state === "pending");
  if (pending) {
    return {
      stage: "being published",
      because:
        `it is written at ${names.ordersTopic}-${pending.partition}@${pending.offset}, above the last stable offset: ` +
        openThere(spill, names.ordersTopic, pending),
    };
  }
  const aborted = published.length > 0
    ? `; ${published.length} attempt(s) to publish it were aborted`
    : "";
  if (!expected?.has_outbox) {
    return {
      stage: "missing",
      because:
        `its outbox row is gone, as after publishing, but it is not on ${names.ordersTopic} (or retention has removed it there)${aborted}`,
    };
  }
  const cursor = spill.count(
    "select coalesce(max(last), 0) from relayed_up_to where shard = ?",
    Number(expected.shard),
  );
  const held = spill.count(
    `select count(*) from expected e where e.event = ? and ${isWithheld}`,
    String(expected.event),
  );
  if (held > 0) {
    return {
      stage: "in the outbox",
      because:
        `the relay has passed by position ${expected.position} and holds it back, since its topic ` +
        `is missing or takes no record of that size: /readyz of the worker says which (relay:${expected.shard})${aborted}`,
    };
  }
  if (Number(expected.position) < cursor) {
    return {
      stage: "missing",
      because:
        `the relay's cursor (${cursor}) is past outbox position ${expected.position}, but it is not on ${names.ordersTopic} ` +
        `(or retention has removed it there)${aborted}`,
    };
  }
  const shard = Number(expected.shard);
  const heldBack = hindranceOfOffset(spill, names.relayGroup, names.cursorTopic, shard);
  return {
    stage: "in the outbox",
    because: `the relay's cursor of shard ${expected.shard} stands at ${
      cursor || "the very start"
    }, this is position ${expected.position}${aborted}${because(heldBack)}`,
  };
}

function because(heldBack: string | undefined): string {
  return heldBack === undefined ? "" : `; ${heldBack}`;
}

function beforeTheOutcome(
  spill: Spill,
  live: SpillRow,
  attempts: readonly SpillRow[],
  names: PipelineNames,
): OrderStanding {
  const place = `${names.ordersTopic}-${live.partition}@${live.offset}`;
  const pending = attempts.find((row) => row.state === "pending");
  if (pending) {
    const topic = "invoice_id" in pending ? names.invoicesTopic : names.deadLettersTopic;
    return {
      stage: "waiting for the worker",
      because:
        `its outcome is written at ${topic}-${pending.partition}@${pending.offset}, in a transaction ` +
        `that is still open: ${openThere(spill, topic, pending)}`,
    };
  }
  const aborted = attempts.length > 0 ? `; ${attempts.length} attempt(s) were aborted` : "";
  const offset = spill.rows(
    "select last from consumed where partition = ?",
    Number(live.partition),
  )[0]?.last;
  if (offset !== undefined && offset !== null && Number(offset) > Number(live.offset)) {
    return {
      stage: "missing",
      because:
        `it is at ${place}, below the committed offset ${offset} of ${names.invoicingGroup}, and has neither an invoice nor a dead letter${aborted}`,
    };
  }
  const { partition } = live;
  const heldBack = hindranceOfOffset(
    spill,
    names.invoicingGroup,
    names.ordersTopic,
    Number(partition),
  );
  return {
    stage: "waiting for the worker",
    because: `it is at ${place}, the group ${names.invoicingGroup} has committed ${
      offset === undefined || offset === null ? "nothing there yet" : `offset ${offset}`
    }${aborted}${because(heldBack)}`,
  };
}

function afterTheOutcome(
  spill: Spill,
  outcome: SpillRow,
  topic: string,
  stage: "invoiced" | "dead-lettered",
): OrderStanding {
  const position = spill.rows(
    "select next_offset from projected where topic = ? and partition = ?",
    topic,
    Number(outcome.partition),
  )[0]?.next_offset;
  const place = `${topic}-${outcome.partition}@${outcome.offset}`;
  if (position === undefined || position === null || Number(position) <= Number(outcome.offset)) {
    return {
      stage: "waiting for the projector",
      because:
        `it is ${stage} at ${place}, the read model has folded ${topic}-${outcome.partition} ${
          position === undefined || position === null ? "not at all" : `up to ${position}`
        }`,
    };
  }
  return stage === "invoiced"
    ? { stage, because: `the invoice is at ${place} and in the read model` }
    : {
      stage,
      because:
        `${outcome.error_class}: ${outcome.error} (attempts: ${outcome.attempts}); the dead letter is at ${place}. ` +
        "Redrive it once the cause is mended",
    };
}

function openThere(spill: Spill, topic: string, row: SpillRow): string {
  const open = spill.rows(
    "select * from open_transaction where topic = ? and partition = ? order by start_offset limit 1",
    topic,
    Number(row.partition),
  )[0];
  if (open === undefined) return "a transaction is still open";
  const who = open.transactional_id ?? `producer ${open.producer_id}`;
  const reason = hindranceAt(spill, topic, Number(row.partition), Number(open.producer_id));
  return `the transaction of ${who} is open since offset ${open.start_offset}${because(reason)}`;
}
