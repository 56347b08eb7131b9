/** Lines for people about what is going on. On stderr, so that a document on stdout stays one. */

const encoder = new TextEncoder();

/** Prints one line. */
export function progress(line: string): void {
  Deno.stderr.writeSync(encoder.encode(`${line}\n`));
}
