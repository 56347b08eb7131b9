/** Rebuilding the read model over HTTP: the command's own rebuild, with its progress, and what differs where that is asked. */
import { isSame } from "../../engine/projection/compare_tables.ts";
import type { Comparison, RebuildProgress, RebuildReport } from "../../engine/projection/mod.ts";
import type { ProjectionStatus } from "../../engine/projection/projection_status.ts";
import { rebuildRequest } from "../http/operate_schemas.ts";
import { validate } from "../http/validate.ts";
import type { Plan } from "./create_operate_app.ts";
import { comparisonDocument, reportDocument } from "./read_model_documents.ts";
import type { Report } from "./stream_deed.ts";

/** What rebuilding needs. */
export interface RebuildDeps {
  /** The read model's name. */
  readonly name: string;
  readonly status: () => Promise<ProjectionStatus>;
  readonly rebuild: (options: {
    readonly allowMissingHistory: boolean;
    readonly recordsPerSecond?: number;
    readonly beforeSwap?: (comparison: Comparison) => void;
    readonly differencesMax?: number;
    readonly onProgress: (progress: RebuildProgress) => void;
    readonly signal: AbortSignal;
  }) => Promise<RebuildReport>;
}

/**
 * A dry run tells what is there: `version`, `installed_version`, `offsets` to replay, `lag`, `findings`. The result has
 * `swapped`, and the `comparison` where one was asked for.
 */
export function rebuildDeed({ name, status, rebuild }: RebuildDeps): Plan {
  return (body) => {
    const { dry_run: dryRun, ...asked } = validate(rebuildRequest, body, { whole: "body" });
    return {
      deed: { action: "projection rebuild", target: name, detail: asked },
      kind: "read model",
      dryRun,
      async perform(report, signal, begin) {
        if (dryRun) return standingOf(await status());
        await begin();
        let compared: Comparison | undefined;
        const beforeSwap = (comparison: Comparison) => {
          compared = comparison;
          const stop = asked.stop_before_swap || !comparison.tables.every(isSame);
          if (stop) throw new StoppedBeforeSwapError();
        };
        const said = () => compared && { comparison: comparisonDocument(compared) };
        try {
          const done = await rebuild({
            allowMissingHistory: asked.allow_missing_history,
            recordsPerSecond: asked.records_per_second,
            beforeSwap: asked.diff || asked.stop_before_swap ? beforeSwap : undefined,
            differencesMax: asked.rows,
            onProgress: telling(report),
            signal,
          });
          return { swapped: true, ...reportDocument(done), ...said() };
        } catch (error) {
          if (error instanceof StoppedBeforeSwapError) return { swapped: false, ...said() };
          throw error;
        }
      },
    };
  };
}

/** It was only compared, or differs. */
class StoppedBeforeSwapError extends Error {
  override name = "StoppedBeforeSwapError";
}

/** Tells the progress of a rebuild or a rollback. */
export function telling(report: Report): (progress: RebuildProgress) => void {
  return ({ phase, pass, offsetsDone, offsetsTotal }) =>
    report({ phase, pass, offsets_done: offsetsDone, offsets_total: offsetsTotal });
}

function standingOf({ projection, version, installedVersion, ...rest }: ProjectionStatus) {
  return {
    projection,
    version,
    installed_version: installedVersion ?? null,
    offsets: rest.partitions.reduce((sum, { start, end }) => sum + end - start, 0),
    lag: rest.lag,
    tables: rest.tables,
    findings: rest.findings,
  };
}
