/** The way back after a rebuild, and its end, over HTTP: the commands' own `rollback` and `drop-old`. */
import type { OldTables, RebuildProgress, RollbackReport } from "../../engine/projection/mod.ts";
import type { ProjectionStatus } from "../../engine/projection/projection_status.ts";
import { dropOldRequest, rollbackRequest } from "../http/operate_schemas.ts";
import { validate } from "../http/validate.ts";
import type { Plan } from "./create_operate_app.ts";
import { oldTablesDocument, reportDocument } from "./read_model_documents.ts";
import { telling } from "./rebuild_deed.ts";

/** What they need. */
export interface OldTablesDeps {
  /** The read model's name. */
  readonly name: string;
  readonly status: () => Promise<ProjectionStatus>;
  readonly rollback: (options: {
    readonly atOnce: boolean;
    readonly beforeRollback: () => Promise<void>;
    readonly onProgress: (progress: RebuildProgress) => void;
    readonly signal: AbortSignal;
  }) => Promise<RollbackReport>;
  readonly dropOld: (options: {
    readonly beforeDrop: () => Promise<void>;
    readonly signal: AbortSignal;
  }) => Promise<OldTables | undefined>;
}

/** A dry run tells which tables are kept: `old`, null where none are. */
export function rollbackDeed({ name, status, rollback }: OldTablesDeps): Plan {
  return (body) => {
    const { dry_run: dryRun, at_once } = validate(rollbackRequest, body, { whole: "body" });
    return {
      deed: { action: "projection rollback", target: name, detail: { at_once } },
      kind: "read model",
      dryRun,
      async perform(report, signal, begin) {
        if (dryRun) return await keptOf(status);
        const options = { atOnce: at_once, beforeRollback: begin, onProgress: telling(report) };
        return reportDocument(await rollback({ ...options, signal }));
      },
    };
  };
}

/** The same dry run; the result has what was `dropped`, null where nothing was kept. */
export function dropOldDeed({ name, status, dropOld }: OldTablesDeps): Plan {
  return (body) => {
    const { dry_run: dryRun } = validate(dropOldRequest, body, { whole: "body" });
    return {
      deed: { action: "projection drop-old", target: name, detail: {} },
      kind: "read model",
      dryRun,
      async perform(_report, signal, begin) {
        if (dryRun) return await keptOf(status);
        const dropped = await dropOld({ beforeDrop: begin, signal });
        return { dropped: dropped ? oldTablesDocument(dropped) : null };
      },
    };
  };
}

async function keptOf(status: OldTablesDeps["status"]): Promise<Record<string, unknown>> {
  const { projection, version, installedVersion, old } = await status();
  return {
    projection,
    version,
    installed_version: installedVersion ?? null,
    old: old ? oldTablesDocument(old) : null,
  };
}
