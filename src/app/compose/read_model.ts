/** The projection commands: the read model of this configuration over these services. */
import type { Config } from "../../config.ts";
import {
  type Comparison,
  dropOldTables,
  type OldTables,
  type ProjectionStatus,
  readStatus,
  rebuild,
  type RebuildProgress,
  type RebuildReport,
  rollback,
  type RollbackPlan,
  type RollbackReport,
} from "../../engine/projection/mod.ts";
import { viewsOf } from "./prepare_schema.ts";
import type { Services } from "./services.ts";

/** Builds the read model anew from the log, beside the live one, and swaps. */
export async function rebuildViews(
  config: Config,
  services: Services,
  options: {
    readonly allowMissingHistory: boolean;
    readonly recordsPerSecond?: number;
    readonly beforeSwap?: (comparison: Comparison) => void;
    readonly differencesMax?: number;
    readonly onProgress: (progress: RebuildProgress) => void;
    readonly signal: AbortSignal;
  },
): Promise<RebuildReport> {
  return await rebuild({ ...settings(config, services), ...options });
}

/** Puts the tables back that the last rebuild has replaced. */
export async function rollbackViews(
  config: Config,
  services: Services,
  options: {
    readonly atOnce: boolean;
    readonly beforeRollback: (plan: RollbackPlan) => void | Promise<void>;
    readonly onProgress: (progress: RebuildProgress) => void;
    readonly signal: AbortSignal;
  },
): Promise<RollbackReport> {
  return await rollback({ ...settings(config, services), ...options });
}

/** Drops what the last rebuild or rollback has kept. */
export async function dropOldViews(
  config: Config,
  services: Services,
  options: {
    readonly beforeDrop: (old: OldTables) => void | Promise<void>;
    readonly signal: AbortSignal;
  },
): Promise<OldTables | undefined> {
  return await dropOldTables({ ...settings(config, services), ...options });
}

/** Positions, lag and soundness of the read model. */
export async function viewsStatus(config: Config, services: Services): Promise<ProjectionStatus> {
  return await readStatus({ ...settings(config, services), signal: new AbortController().signal });
}

function settings(config: Config, { kafka, databaseUrl }: Services) {
  return {
    ...kafka,
    databaseUrl,
    projection: viewsOf(config),
    batchRecordsMax: config.BATCH_RECORDS_MAX,
    batchBytesMax: config.BATCH_BYTES_MAX,
    dependencyBackoffMsMax: config.DEPENDENCY_BACKOFF_MS_MAX,
  };
}
