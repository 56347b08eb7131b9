/** Freeing parked keys over HTTP: what the request asks for becomes the command's own options. */
import type { DeadLetterStore } from "../../engine/dead_letters/list_dead_letters.ts";
import { listParkedKeys } from "../../engine/dead_letters/load_parked_keys.ts";
import type { ParkedKey } from "../../engine/dead_letters/parked_entry.ts";
import {
  outcomeDocument,
  outcomeSentence,
  parkedDocument,
} from "../../engine/dead_letters/render_parked_keys.ts";
import { bytesOf, equalBytes } from "../../engine/dead_letters/select_dead_letters.ts";
import { forgetQueue } from "../../engine/dead_letters/forget_queue.ts";
import { unparkMany } from "../../engine/dead_letters/unpark_many.ts";
import { ProblemError, problemOf } from "../http/problem.ts";
import { unparkRequest } from "../http/operate_schemas.ts";
import { validate } from "../http/validate.ts";
import type { Plan } from "./create_operate_app.ts";
import type { OpenStore } from "./redrive_deed.ts";
import type { Report } from "./stream_deed.ts";

/** So many keys are told of; of all of them their number is. */
const toldMax = 200;

/**
 * The result has `count`, `waiting` (records), and `keys`; after a deed each of these has its `outcome`, and a sentence
 * about it. A key that was named and is not parked is a 404.
 */
export function unparkDeed(topic: string, openStore: OpenStore): Plan {
  return (body) => {
    const { dry_run: dryRun, ...asked } = validate(unparkRequest, body, { whole: "body" });
    const key = asked.key_hex === undefined ? asked.key : Uint8Array.fromHex(asked.key_hex);
    const wanted = key === undefined ? undefined : bytesOf(key);
    const isMeant = (parked: ParkedKey) =>
      parked.deadLetters === topic &&
      (asked.topic === undefined || parked.topic === asked.topic) &&
      (asked.group === undefined || parked.groupId === asked.group) &&
      (wanted === undefined || equalBytes(parked.key, wanted));
    return {
      deed: { action: "dlq unpark", target: topic, detail: asked },
      kind: "dead letters",
      dryRun,
      async perform(report, signal, begin) {
        await using store = openStore();
        const parked = (await listParkedKeys(store.log, { signal })).filter(isMeant);
        if (wanted !== undefined && parked.length === 0) throw notParked(topic);
        if (dryRun || parked.length === 0) return resultOf(parked, parked.map(parkedDocument));
        await begin();
        if (asked.forget) return resultOf(parked, await forgetAll(store, parked, report, signal));
        let redriven = 0;
        const waitMsMax = asked.wait_seconds * 1_000;
        const outcomes = await unparkMany(
          store,
          parked,
          { waitMsMax, skipFirst: asked.skip_first, perSecond: asked.per_second },
          signal,
          { redriven: (letters) => report({ redriven: redriven += letters.length }) },
        );
        return resultOf(
          parked,
          outcomes.map((outcome) => ({
            ...outcomeDocument(outcome),
            sentence: outcomeSentence(outcome),
          })),
        );
      },
    };
  };
}

function notParked(topic: string): ProblemError {
  return new ProblemError(
    problemOf(404, "not-parked", "No such key is parked", {
      detail: `None of ${topic} that was asked for: it is free already, or was never parked. ` +
        "`deno task dlq parked`, or a dry run with all: true, lists those that are",
    }),
  );
}

function resultOf(parked: readonly ParkedKey[], keys: readonly Record<string, unknown>[]) {
  return {
    count: parked.length,
    waiting: parked.reduce((sum, { length, done }) => sum + length - done, 0),
    keys: keys.slice(0, toldMax),
  };
}

async function forgetAll(
  store: DeadLetterStore,
  parked: readonly ParkedKey[],
  report: Report,
  signal: AbortSignal,
): Promise<Record<string, unknown>[]> {
  const documents: Record<string, unknown>[] = [];
  for (const key of parked) {
    signal.throwIfAborted();
    const forgotten = await forgetQueue(store, key, signal);
    const sentence = forgotten
      ? `free; ${key.length - key.done} record(s) of it stay dead letters`
      : "was free already";
    documents.push({ ...parkedDocument(key), outcome: "forgotten", sentence });
    report({ forgotten: documents.length });
  }
  return documents;
}
