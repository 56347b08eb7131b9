/** The part of the benchmark that keeps state: a count for each key, in the transaction of outputs and offset. */
import { restartWithState, type StateRestart } from "./state_restart.ts";
import { compareDrains, type Variant } from "./compare_drains.ts";
import { type BenchContext, ownProcess } from "./context.ts";
import { notesOf, ratioFigure, throughput } from "./drain_figures.ts";
import { targets } from "./plan.ts";
import { figure, type SectionResult } from "./report.ts";
import { spreadOf } from "./statistics.ts";

const restartRounds = 3;

/** See the file's first line. */
export async function stateSection(context: BenchContext): Promise<SectionResult> {
  const { plan: { drainRecords, stateKeys, rounds } } = context;
  const base = { command: ownProcess("flow_child.ts"), records: drainRecords, partitions: 4 };
  const variants: Variant[] = [
    { ...base, id: "stateless", label: "without state" },
    { ...base, id: "count", label: "a count for each key", job: { work: "count" } },
  ];
  const found = await compareDrains(context, "state", variants, rounds);
  const figures = variants.flatMap(({ id, label }) => throughput("state", id, label, found));
  figures.push(...ratioFigure(found, "count", "stateless", {
    id: "state.ratio",
    label: "with state to without, round by round",
    target: targets.statefulToStateless,
  }));
  const restarted = `from a restart with ${stateKeys} keys to its first commit`;
  const restarts: StateRestart[] = [];
  for (let round = 1; round <= restartRounds; round++) {
    context.say(`state: restart ${round} of ${restartRounds} with ${stateKeys} keys`);
    restarts.push(await restartWithState(context, `state.restart.${round}`, stateKeys));
  }
  figures.push(
    figure(
      "state.restart",
      restarted,
      "s",
      "lower",
      spreadOf(restarts.map(({ seconds }) => seconds)),
      targets.stateRestartSeconds,
    ),
    figure(
      "state.restart_memory",
      restarted,
      "MiB",
      "lower",
      spreadOf(restarts.map(({ rssMiB }) => rssMiB)),
    ),
  );
  return {
    title: "State for each key",
    about:
      `The same drain of ${drainRecords} records under exactly-once, and with a count for each key beside it: all keys are ` +
      `different, so that each record reads and writes state of its own and the transaction holds twice as many records. Then its process starts again and reads back what it had kept.`,
    figures,
    plots: [],
    notes: notesOf(found),
  };
}
