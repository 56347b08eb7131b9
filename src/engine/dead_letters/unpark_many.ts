/**
 * Frees many parked keys at once: each round reads a dead-letter partition once for all of them.
 *
 * A queue is sent as it lies in the log. What failed again lies behind those that follow it: the lane parks these once
 * more and takes it, so such a key needs another round, and no order is lost (unpark.ts).
 */
import { formatPartition, type TopicPartition } from "../core/record.ts";
import type { DeadLetterStore } from "./list_dead_letters.ts";
import { listParkedKeys } from "./load_parked_keys.ts";
import type { ParkedKey } from "./parked_entry.ts";
import type { DeadLetter } from "./read_dead_letter.ts";
import type { RedriveObserver } from "./redrive_options.ts";
import { type Pace, paceOf } from "./redrive_pace.ts";
import { previewPartition, redrivePartition } from "./redrive_partition.ts";
import { placeOf, type UnparkOptions, type UnparkOutcome, workedOff } from "./unpark.ts";

const roundsMaxDefault = 20;

/** A key on its way. */
interface Work {
  parked: ParkedKey;
  redriven: number;
  passedOver: number;
  /** Whether the record whose turn it is was sent in this round. */
  headSent: boolean;
}

/** Sends the queues of all these keys back until each is free, or its first record has failed again. */
export async function unparkMany(
  store: DeadLetterStore,
  keys: readonly ParkedKey[],
  { waitMsMax, skipFirst = false, perSecond, roundsMax = roundsMaxDefault }: UnparkOptions,
  signal?: AbortSignal,
  observer: RedriveObserver = {},
): Promise<readonly UnparkOutcome[]> {
  const pace = perSecond === undefined ? undefined : paceOf(perSecond);
  if (keys.length === 0) return [];
  await store.prepare();
  const outcomes: UnparkOutcome[] = [];
  let active: Work[] = keys.map((parked) => (
    { parked, redriven: 0, passedOver: 0, headSent: false }
  ));
  for (let round = 0; round < roundsMax && active.length > 0; round++) {
    for (const work of active) work.headSent = false;
    if (skipFirst && round === 0) {
      await sendAll(store, active, { skip: true, pace }, observer, signal);
    }
    await sendAll(store, active, { pace }, observer, signal);
    const behind = waitMsMax === 0 ? active : await unfinished(store, active, waitMsMax, signal);
    outcomes.push(...behind.map((work) => outcomeOf(work, { kind: "sent" })));
    const done = active.filter((work) => !behind.includes(work));
    const queues = new Map(
      (await listParkedKeys(store.log, { toHighWatermark: true, signal }))
        .map((key) => [key.queue, key]),
    );
    const stuck: Work[] = [];
    active = [];
    for (const work of done) {
      const now = queues.get(work.parked.queue);
      if (!now) {
        outcomes.push(outcomeOf(work, { kind: "free" }));
        continue;
      }
      const isStuck = now.done === work.parked.done && (work.headSent || round > 0);
      work.parked = now;
      (isStuck ? stuck : active).push(work);
    }
    const heads = await headsOf(store, stuck, signal);
    for (const work of stuck) {
      const deadLetter = heads.get(work.parked.queue);
      outcomes.push(
        outcomeOf(
          work,
          deadLetter ? { kind: "failed-again", deadLetter } : { kind: "first-missing" },
        ),
      );
    }
  }
  return [...outcomes, ...active.map((work) => outcomeOf(work, { kind: "still-filling" }))];
}

type Ending =
  | { readonly kind: "free" | "sent" | "first-missing" | "still-filling" }
  | { readonly kind: "failed-again"; readonly deadLetter: DeadLetter };

function outcomeOf({ parked, redriven, passedOver }: Work, ending: Ending): UnparkOutcome {
  return { parked, redriven, passedOver, ...ending };
}

async function sendAll(
  store: DeadLetterStore,
  active: readonly Work[],
  { skip = false, pace }: { readonly skip?: boolean; readonly pace: Pace | undefined },
  observer: RedriveObserver,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const { place, works } of await byPlace(store, active)) {
    const byQueue = new Map(works.map((work) => [work.parked.queue, work]));
    const queues = new Map(
      works.map(({ parked }) => [parked.queue, skip ? parked.done : undefined]),
    );
    const counting: RedriveObserver = {
      ...observer,
      redriven(deadLetters, topics) {
        for (const { link } of deadLetters) {
          const work = byQueue.get(link?.queue ?? "");
          if (!work) continue;
          work.redriven++;
          if (skip) work.passedOver++;
          if (link?.number === work.parked.done) work.headSent = true;
        }
        if (skip) observer.passedOver?.(deadLetters);
        else observer.redriven?.(deadLetters, topics);
      },
    };
    const options = { limit: Infinity, run: crypto.randomUUID(), queues, skip, pace };
    await redrivePartition(store, place, options, counting, signal);
  }
}

/** Those whose lanes have not come as far as the end of their input in time. */
async function unfinished(
  store: DeadLetterStore,
  active: readonly Work[],
  waitMsMax: number,
  signal: AbortSignal | undefined,
): Promise<readonly Work[]> {
  const lanes = Map.groupBy(
    active,
    ({ parked }) => `${parked.groupId}/${parked.topic}/${parked.partition}`,
  );
  const late = await Promise.all(
    [...lanes.values()].map(async (works) => {
      const [first] = works;
      const isDone = first === undefined ||
        await workedOff(store, first.parked, waitMsMax, signal);
      return isDone ? [] : works;
    }),
  );
  return late.flat();
}

/** The records whose turn it is, where they are among the dead letters, by queue. */
async function headsOf(
  store: DeadLetterStore,
  stuck: readonly Work[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, DeadLetter>> {
  const heads = new Map<string, DeadLetter>();
  for (const { place, works } of await byPlace(store, stuck)) {
    const queues = new Map(works.map(({ parked }) => [parked.queue, parked.done]));
    const note = (deadLetters: readonly DeadLetter[]) => {
      for (const letter of deadLetters) if (letter.link) heads.set(letter.link.queue, letter);
    };
    const options = { limit: Infinity, run: crypto.randomUUID(), queues };
    await previewPartition(store, place, options, { redriven: note }, signal);
  }
  return heads;
}

async function byPlace(
  store: DeadLetterStore,
  works: readonly Work[],
): Promise<readonly { readonly place: TopicPartition; readonly works: readonly Work[] }[]> {
  const found = new Map<string, { place: TopicPartition; works: Work[] }>();
  // The partition of the dead letters depends on that of the input alone.
  const places = new Map<number, TopicPartition>();
  for (const work of works) {
    const { partition } = work.parked;
    const place = places.get(partition) ?? await placeOf(store, work.parked);
    places.set(partition, place);
    const entry = found.get(formatPartition(place)) ?? { place, works: [] };
    entry.works.push(work);
    found.set(formatPartition(place), entry);
  }
  return [...found.values()];
}
