/** What each way of going on makes of transactions that Kafka has forgotten: a committed one, one that timed out, one alone. */
import { HaltError } from "../../src/engine/core/errors.ts";
import type { KafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { readPartition, record, texts } from "../support/kafka.ts";
import {
  asItEnded,
  askedTooLate,
  atOnce,
  type GoingOn,
  guessedAsAbort,
} from "../support/mutants/mutated_settling.ts";

/** By name, with what is found of each. */
export const waysToGoOn: Readonly<Record<string, readonly [GoingOn, readonly string[]]>> = {
  right: [asItEnded, []],
  guessed: [guessedAsAbort, ["committed: next", "alone: next"]],
  late: [askedTooLate, ["alone: it stands still"]],
  hanging: [atOnce, ["aborted: never,next"]],
};

/** The topics, which are the ids, too. The transaction of `alone` has no partition elsewhere that could say how it ended. */
const cases = { committed: ["second"], aborted: [], alone: ["second"] } as const;
export const idsOf = (name: string) => ({
  committed: `${name}-committed`,
  aborted: `${name}-aborted`,
  alone: `${name}-alone`,
});
export const wayIds = Object.keys(waysToGoOn).map(idsOf);
export const wayTopics = wayIds.flatMap((ids) => Object.values(ids));

/** Goes on with each id, and says where something else is read than what was committed. */
export async function foundOf(
  client: KafkaClient,
  name: string,
  open: GoingOn,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const kind of ["committed", "aborted", "alone"] as const) {
    const id = idsOf(name)[kind];
    try {
      await using transactor = await open(client, id);
      await transactor.commit({ records: [record(id, 1, "k", "next")], offsets: [] });
    } catch (error) {
      if (!(error instanceof HaltError)) throw error;
      found.push(`${kind}: it stands still`);
      continue;
    }
    const read = texts(await readPartition(client, id, 1)).join();
    if (read !== [...cases[kind], "next"].join()) found.push(`${kind}: ${read}`);
  }
  return found;
}
