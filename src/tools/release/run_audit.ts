/** The task `audit`: asks the registry for known vulnerabilities of the locked packages, and says so where it could not. */

/** What came of it. */
export type Audit = "clean" | "vulnerable" | "not checked";

/**
 * Reads the outcome off `deno audit`, which ends with 1 for findings and for a registry that does not answer. What it does
 * not know counts as a finding.
 */
export function auditOutcome(success: boolean, output: string): Audit {
  if (success) return "clean";
  const unreachable = /^error: .*(error sending request|client error|timed out|registry)/im;
  return unreachable.test(output) ? "not checked" : "vulnerable";
}

if (import.meta.main) {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["audit"],
    env: { NO_COLOR: "1" },
  }).output();
  const output = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  const outcome = auditOutcome(success, output);
  if (outcome === "not checked") {
    const [reason = "no answer"] = output.split("\n").filter((line) => line.startsWith("error"));
    console.log(`Known vulnerabilities: NOT CHECKED. ${reason}`);
    if (Deno.args.includes("--strict")) Deno.exit(2);
  } else {
    console.log(output.trim());
    if (outcome === "vulnerable") Deno.exit(1);
  }
}
