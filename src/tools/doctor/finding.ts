/** One line of what the doctor says: what it looked at, and how that is. Pure. */

/**
 * - `right`: as it should be;
 * - `warning`: it works, and may lose or halt one day;
 * - `wrong`: work halts, waits or loses because of it;
 * - `not_told`: the service does not tell it, or not to this user;
 * - `not_checked`: it could not be asked now.
 */
export type Standing = "right" | "warning" | "wrong" | "not_told" | "not_checked";

/** What was found out about one thing. */
export interface Finding {
  /** What it is about, such as `topic orders`. */
  readonly subject: string;
  readonly standing: Standing;
  /** What is so, and what follows from it. */
  readonly text: string;
  /** What a person can do. */
  readonly remedy?: string;
}

/** It is as it should be. */
export function right(subject: string, text: string): Finding {
  return { subject, standing: "right", text };
}

/** It is not, or could not be told. */
export function not(
  standing: Exclude<Standing, "right">,
  subject: string,
  text: string,
  remedy?: string,
): Finding {
  return { subject, standing, text, ...(remedy !== undefined && { remedy }) };
}

/** With Kafka's own commands in the remedy told where the cluster is: without that they refuse to run. */
export function addressed(finding: Finding, brokers: readonly string[]): Finding {
  if (finding.remedy === undefined) return finding;
  const remedy = finding.remedy.replaceAll(
    /\bkafka-[a-z]+\.sh(?= (?:--|upgrade))/g,
    (command) => `${command} --bootstrap-server ${brokers.join(",")}`,
  );
  return { ...finding, remedy };
}

/** A sentence whose last part, behind this mark, is what to do; where the mark comes several times, behind the last. */
export function splitRemedy(
  sentence: string,
  mark: string,
  which: "first" | "last" = "last",
): { readonly text: string; readonly remedy?: string } {
  const at = which === "first" ? sentence.indexOf(mark) : sentence.lastIndexOf(mark);
  if (at < 0) return { text: sentence };
  return { text: sentence.slice(0, at), remedy: sentence.slice(at + mark.length) };
}
