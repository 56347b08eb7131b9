/** Cuts a stream of UTF-8 into its lines. Node's own reader cuts at U+2028, too, which may stand inside of JSON. */

/** Each line without its break; the last one also where none follows. @throws {TypeError} where bytes are not UTF-8 */
export async function* linesOf(
  bytes: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<string> {
  let rest = "";
  for await (const text of bytes.pipeThrough(new TextDecoderStream("utf-8", { fatal: true }))) {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}
