/** Rebuilding the read model over HTTP: the command's own rebuild, with its progress. */
import type { ProjectionStatus } from "../../engine/projection/projection_status.ts";
import type { OldTables, RebuildProgress, RebuildReport } from "../../engine/projection/mod.ts";
import { rebuildRequest } from "../http/operate_schemas.ts";
import { validate } from "../http/validate.ts";
import type { Plan } from "./create_operate_app.ts";

/** What rebuilding needs. */
export interface RebuildDeps {
  /** The read model's name. */
  readonly name: string;
  readonly status: () => Promise<ProjectionStatus>;
  readonly rebuild: (options: {
    readonly allowMissingHistory: boolean;
    readonly onProgress: (progress: RebuildProgress) => void;
    readonly signal: AbortSignal;
  }) => Promise<RebuildReport>;
}

/** A dry run tells what is there: `version`, `installed_version`, `offsets` to replay, `lag`, `findings`. */
export function rebuildDeed({ name, status, rebuild }: RebuildDeps): Plan {
  return (body) => {
    const { dry_run: dryRun, ...asked } = validate(rebuildRequest, body, { whole: "body" });
    return {
      deed: { action: "projection rebuild", target: name, detail: asked },
      kind: "read model",
      dryRun,
      async perform(report, signal) {
        if (dryRun) return standingOf(await status());
        return reportOf(
          await rebuild({
            allowMissingHistory: asked.allow_missing_history,
            onProgress: ({ phase, pass, offsetsDone, offsetsTotal }) =>
              report({ phase, pass, offsets_done: offsetsDone, offsets_total: offsetsTotal }),
            signal,
          }),
        );
      },
    };
  };
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

function reportOf({ replacedVersion, elapsedMs, old, dropped, ...rest }: RebuildReport) {
  return {
    ...rest,
    replaced_version: replacedVersion,
    ...old && { old: tablesOf(old) },
    ...dropped && { dropped: tablesOf(dropped) },
    elapsed_ms: elapsedMs,
  };
}

function tablesOf({ keptAt, ...rest }: OldTables) {
  return { ...rest, kept_at: keptAt };
}
