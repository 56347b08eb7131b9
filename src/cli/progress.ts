/** Lines for people about what is going on. On stderr, so that a document on stdout stays one. */
import { getLogger } from "@logtape/logtape";
import type { Config } from "../config.ts";
import { plainText } from "../engine/core/plain_text.ts";

const encoder = new TextEncoder();
const log = getLogger(["onceflow"]);

/** Prints one line. */
export function progress(line: string): void {
  Deno.stderr.writeSync(encoder.encode(`${plainText(line)}\n`));
}

/** The same for a service whose log programs read: a line of that log, so that every line of it is JSON. */
export function serviceProgress(
  { LOG_FORMAT }: Pick<Config, "LOG_FORMAT">,
): (line: string) => void {
  return LOG_FORMAT === "json" ? (line) => log.info(line) : progress;
}
