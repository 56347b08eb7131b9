/** Redriving over HTTP: what the request asks for becomes the command's own options. */
import { parseAddress } from "../../engine/dead_letters/dead_letter_address.ts";
import type { DeadLetterStore } from "../../engine/dead_letters/list_dead_letters.ts";
import { otherReaders } from "../../engine/dead_letters/other_readers.ts";
import { missingOf, redriveDeadLetters, wouldRedrive } from "../../engine/dead_letters/redrive.ts";
import { ProblemError, problemOf } from "../http/problem.ts";
import { redriveRequest } from "../http/operate_schemas.ts";
import { validate } from "../http/validate.ts";
import type { Plan } from "./create_operate_app.ts";

/** Opens the dead letters of this pipeline; closed again after each deed. */
export type OpenStore = () => DeadLetterStore & AsyncDisposable;

/** So many reasons are told; each dead letter that cannot go back has one. */
const reasonsMax = 5;

/**
 * The result has `redriven`, those among them that went back `again`, `skipped`, `refused`, `removed` (by retention),
 * `missing` (named, and not there or not selected by the rest of the body), `by_topic`, `other_groups` that read these topics
 * (null where it could not be asked), and some `reasons` of those refused. Where all that were named are missing it is a 404.
 */
export function redriveDeed(topic: string, openStore: OpenStore): Plan {
  return (body) => {
    const { dry_run: dryRun, ...asked } = validate(redriveRequest, body, { whole: "body" });
    const options = {
      addresses: asked.addresses?.map(parseAddress),
      fingerprint: asked.fingerprint,
      errorClass: asked.error_class,
      topic: asked.topic,
      again: asked.again,
      limit: asked.limit,
      perSecond: asked.per_second,
      tripsMax: asked.trips_max,
    };
    return {
      deed: { action: "dlq redrive", target: topic, detail: asked },
      kind: "dead letters",
      dryRun,
      async perform(report, signal, begin) {
        await using store = openStore();
        const reasons: string[] = [];
        const meantFor = new Set<string>();
        let [redriven, refused] = [0, 0];
        const lookOnly = dryRun || !await wouldRedrive(store, options, signal);
        if (!lookOnly) await begin();
        const done = await redriveDeadLetters(store, { ...options, dryRun: lookOnly }, signal, {
          redriven(letters) {
            for (const { groupId } of letters) meantFor.add(groupId);
            report({ redriven: redriven += letters.length, refused });
          },
          refused(_, reason) {
            if (reasons.length < reasonsMax) reasons.push(reason);
            report({ redriven, refused: ++refused });
          },
          doubt: (_, reason) => report({ redriven, refused, doubt: reason }),
        });
        const missing = missingOf(done, options);
        if (missing > 0 && done.redriven + done.skipped + done.refused === 0) {
          throw notThere(topic, asked.addresses ?? []);
        }
        const others = await otherReaders(store, Object.keys(done.byTopic), meantFor, (error) => {
          reasons.push(`Which other groups read these topics could not be asked: ${error}`);
        });
        return {
          redriven: done.redriven,
          again: done.again,
          skipped: done.skipped,
          refused: done.refused,
          removed: done.removed,
          missing,
          by_topic: done.byTopic,
          other_groups: others,
          reasons,
        };
      },
    };
  };
}

function notThere(topic: string, addresses: readonly string[]): ProblemError {
  const [first = "", ...more] = addresses;
  return new ProblemError(
    problemOf(404, "no-such-dead-letter", "There is no such dead letter", {
      detail: `${first}${more.length > 0 ? ` and ${more.length} more` : ""} of ${topic}: ` +
        "not there, or not what else was asked for. `deno task dlq list`, or the page, shows those that are",
    }),
  );
}
