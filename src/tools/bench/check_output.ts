/** Compares an output topic with what it must hold, record by record. Reads with the independent probe only. */
import { benchKey, benchOrderOf, invoiceIdOf, numberOfKey } from "./bench_event.ts";
import type { Probe } from "./probe.ts";
import type { Job } from "./job.ts";

/** What came out, against what went in. */
export interface OutputCheck {
  /** Input records that must each have one output. */
  readonly expected: number;
  readonly lost: number;
  /** Outputs beyond the first of their input. */
  readonly duplicated: number;
  /** Wrong content, a wrong key, or out of order within its partition. */
  readonly wrong: number;
  /** The first thing that is wrong, for a person. */
  readonly first?: string;
}

/** Checks the outputs of the events 0 to `expected - 1`. */
export async function checkOutput(
  probe: Pick<Probe, "dump">,
  topic: string,
  { expected, work }: { readonly expected: number; readonly work: Job["work"] },
): Promise<OutputCheck> {
  const seen = new Uint8Array(expected);
  const last = new Map<number, number>();
  const utf8 = new TextDecoder();
  let duplicated = 0;
  let wrong = 0;
  let first: string | undefined;
  const complain = (what: string) => {
    wrong++;
    first ??= what;
  };
  await probe.dump(topic, ({ partition, offset, key, value }) => {
    const number = numberOfKey(utf8.decode(key));
    if (number < 0 || number >= expected) return complain(`${partition}@${offset}: a strange key`);
    const before = seen[number] ?? 0;
    seen[number] = Math.min(255, before + 1);
    if (before > 0) duplicated++;
    // Where a weak guarantee goes back, order starts again with it: only first appearances must be in order.
    else {
      if (number < (last.get(partition) ?? -1)) complain(`${benchKey(number)} is out of order`);
      last.set(partition, number);
    }
    const fault = faultOf(number, utf8.decode(value), work);
    if (fault) complain(`${benchKey(number)}: ${fault}`);
  });
  const lost = seen.reduce((sum, count) => sum + (count === 0 ? 1 : 0), 0);
  return { expected, lost, duplicated, wrong, ...(first && { first }) };
}

/** Lost, duplicated or wrong: anything but one right output for each input. */
export function isPerfect({ lost, duplicated, wrong }: OutputCheck): boolean {
  return lost + duplicated + wrong === 0;
}

function faultOf(number: number, text: string, work: Job["work"]): string | undefined {
  const order = benchOrderOf(number);
  let found: Record<string, unknown>;
  try {
    found = JSON.parse(text);
  } catch {
    return "no JSON";
  }
  if (work === "lookup") {
    return found.order_id === order.order_id && found.user_id === order.user_id &&
        found.causation === order.event_id
      ? undefined
      : "not the invoice of this order";
  }
  const expected: Record<string, unknown> = { ...order, invoice_id: invoiceIdOf(order.order_id) };
  const names = Object.keys(expected);
  if (Object.keys(found).length !== names.length) return "other fields than expected";
  const different = names.find((name) => found[name] !== expected[name]);
  return different && `${different} is ${JSON.stringify(found[different])}`;
}
