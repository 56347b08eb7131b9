/** The files of `bench`: a JSON file that can be read again, and a page beside it. Measures nothing. */
import { join } from "node:path";
import { type BenchReport, reportSchema } from "../tools/bench/report.ts";
import { reportHtml } from "../tools/bench/report_html.ts";

/** @throws with a message for the user, where there is no such file or it is no report */
export async function readReport(file: string): Promise<BenchReport> {
  const text = await Deno.readTextFile(file).catch((error) => {
    throw new Error(`Cannot read ${file}: ${error instanceof Error ? error.message : error}.`, {
      cause: error,
    });
  });
  const parsed = reportSchema.safeParse(jsonOf(text));
  if (parsed.success) return parsed.data;
  throw new Error(`${file} is not a report of this benchmark: give the JSON file that it wrote.`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Before anything is measured: a report that cannot be written is found out at once. */
export async function prepareDirectory(directory: string): Promise<void> {
  try {
    await Deno.mkdir(directory, { recursive: true });
    await Deno.remove(await Deno.makeTempFile({ dir: directory }));
  } catch (error) {
    const reason = error instanceof Deno.errors.NotCapable
      ? "the task may write below .onceflow only; name a directory there"
      : String(error instanceof Error ? error.message : error);
    throw new Error(`Cannot write reports to ${directory}: ${reason}.`);
  }
}

/** Answers with the paths; named after the moment at which the run began. */
export async function writeReport(
  report: BenchReport,
  earlier: BenchReport | undefined,
  directory: string,
): Promise<{ json: string; html: string }> {
  const stem = join(directory, `bench-${report.started_at.replaceAll(/[:.]/g, "-")}`);
  const files = { json: `${stem}.json`, html: `${stem}.html` };
  await Deno.writeTextFile(files.json, `${JSON.stringify(report, null, 2)}\n`);
  await Deno.writeTextFile(files.html, reportHtml(report, earlier));
  return files;
}
