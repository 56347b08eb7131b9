/** The part of the benchmark about correctness: what each guarantee does to customers while its worker is killed. */
import { guarantees } from "../../config.ts";
import type { BenchContext } from "./context.ts";
import { type KillRun, killRun } from "./kill_run.ts";
import { behindMs } from "./kill_watch.ts";
import { type Figure, figure, type SectionResult } from "./report.ts";
import { spreadOf } from "./statistics.ts";

/**
 * A dead worker is missed after this long. Less would take living ones for dead on a busy machine; six seconds is the
 * least that brokers allow unless told otherwise.
 */
const sessionMsEmbedded = 3_000;
const sessionMsElsewhere = 6_000;

/** All three guarantees at the same time, so that the same moments of the machine hit all of them. */
export async function killsSection(context: BenchContext): Promise<SectionResult> {
  const { plan } = context;
  const sessionMs = context.services.embedded ? sessionMsEmbedded : sessionMsElsewhere;
  context.say(`kills: ${plan.kills} of each worker, all guarantees side by side`);
  const found = await Promise.all(
    guarantees.map((guarantee) => killRun(context, guarantee, sessionMs)),
  );
  return {
    title: "Customers while workers are killed",
    about:
      `${plan.killRate} orders a second to each guarantee, one customer an order. Its worker is killed with SIGKILL, in ` +
      `turn while it makes up for what came in since the last kill and at a random moment after that, and started ` +
      `again. What customers got is counted by Kafka's Java client under read_committed. Catch-up: from a kill until the ` +
      `orders of every partition come out within ${behindMs} ms again; a worker that is not heard of for ${sessionMs} ms ` +
      `is taken for dead, one that a busy machine holds up as well.`,
    figures: found.flatMap(figuresOf),
    plots: [],
    notes: found.flatMap((run) => notesOf(run, plan.kills)),
  };
}

function figuresOf({ guarantee, orders, kills, twice, never, catchUpMs }: KillRun): Figure[] {
  const id = `kills.${guarantee}`;
  const target = guarantee === "exactly-once" ? 0 : undefined;
  const one = (
    name: string,
    unit: string,
    values: readonly number[],
    bound?: number,
  ) => figure(`${id}.${name}`, guarantee, unit, "lower", spreadOf(values), bound);
  return [
    one("twice", "customers invoiced twice", [twice], target),
    ...(never === undefined ? [] : [one("never", "customers never invoiced", [never], target)]),
    ...(catchUpMs.length === 0 ? [] : [one("catch_up", "catch-up ms", catchUpMs)]),
    figure(`${id}.orders`, guarantee, "orders", "higher", spreadOf([orders])),
    figure(`${id}.kills`, guarantee, "kills", "higher", spreadOf([kills])),
  ];
}

function notesOf({ guarantee, orders, kills, never }: KillRun, planned: number) {
  return [
    ...(kills < planned
      ? [`${guarantee}: ${kills} kills of ${planned} in the time there was; the machine was busy.`]
      : []),
    ...(never === undefined
      ? [
        `${guarantee}: of ${orders} orders some were still on their way at the end; how many are lost is not known.`,
      ]
      : []),
  ];
}
