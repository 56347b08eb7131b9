/**
 * The log of a flow. Its lines say each change of state once: what stands in the way, and when it is over.
 *
 * ```ts ignore
 * import { configureLogging } from "@onceflow/onceflow/observe";
 *
 * configureLogging({ level: "info", format: "text" });
 * ```
 *
 * A program that has configured LogTape itself does without: the category is `onceflow`.
 *
 * @module
 */
export { configureLogging, type LoggingLevel, type LoggingOptions } from "./logging.ts";
