/** Reads the one line on standard input that tells a measured process what to do. */

/** The line; secrets may be in it, which is why it is no argument. */
export async function readJobLine(): Promise<string> {
  let text = "";
  for await (const chunk of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.includes("\n")) break;
  }
  return text;
}
