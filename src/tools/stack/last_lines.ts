/** The end of a log, for an error message. Never throws: a missing log is an empty one. */

/** How much of the file is looked at. */
const tailBytesMax = 64 * 1024;

/** The last lines of the file, or of those in it that match. */
export async function lastLines(path: string, linesMax: number, only = /./): Promise<string> {
  try {
    using file = await Deno.open(path);
    const { size } = await file.stat();
    await file.seek(Math.max(0, size - tailBytesMax), Deno.SeekMode.Start);
    const text = await new Response(file.readable).text();
    return text.split("\n").filter((line) => only.test(line)).slice(-linesMax).join("\n");
  } catch {
    return "";
  }
}
