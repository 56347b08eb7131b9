/** Redriving over HTTP: what the request asks for becomes the command's own options. */
import { parseAddress } from "../../engine/dead_letters/dead_letter_address.ts";
import type { DeadLetterStore } from "../../engine/dead_letters/list_dead_letters.ts";
import { redriveDeadLetters } from "../../engine/dead_letters/redrive.ts";
import { redriveRequest } from "../http/operate_schemas.ts";
import { validate } from "../http/validate.ts";
import type { Plan } from "./create_operate_app.ts";

/** Opens the dead letters of this pipeline; closed again after each deed. */
export type OpenStore = () => DeadLetterStore & AsyncDisposable;

/** So many reasons are told; each dead letter that cannot go back has one. */
const reasonsMax = 5;

/**
 * The result has `redriven`, those among them that went back `again`, `skipped`, `refused`, `removed` (by retention),
 * `by_topic`, and some `reasons` of those refused.
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
      dryRun,
    };
    return {
      deed: { action: "dlq redrive", target: topic, detail: asked },
      kind: "dead letters",
      dryRun,
      async perform(report, signal) {
        await using store = openStore();
        const reasons: string[] = [];
        let [redriven, refused] = [0, 0];
        const done = await redriveDeadLetters(store, options, signal, {
          redriven: (letters) => report({ redriven: redriven += letters.length, refused }),
          refused(_, reason) {
            if (reasons.length < reasonsMax) reasons.push(reason);
            report({ redriven, refused: ++refused });
          },
          doubt: (_, reason) => report({ redriven, refused, doubt: reason }),
        });
        return {
          redriven: done.redriven,
          again: done.again,
          skipped: done.skipped,
          refused: done.refused,
          removed: done.removed,
          by_topic: done.byTopic,
          reasons,
        };
      },
    };
  };
}
