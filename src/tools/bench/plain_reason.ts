/** Why a part of the benchmark failed, in the words of a report: no colours, no stack of calls. */
import { stripVTControlCharacters } from "node:util";

/** The message, in one line. */
export function plainReason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return stripVTControlCharacters(text).split("\n")
    .map((line) => line.replace(/(?:^|\s+)at [^ ]+ \(.*$|^\s*at async .*$/, "").trim())
    .filter((line) => line !== "")
    .join(" ");
}
