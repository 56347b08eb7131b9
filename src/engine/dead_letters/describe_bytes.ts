/** Shows bytes to a person: JSON where it is JSON, text where it is text, else a hex dump beside the characters. Pure. */

/** What bytes turned out to be. */
export type DescribedBytes =
  | { readonly kind: "null" }
  | { readonly kind: "json"; readonly text: string }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "binary"; readonly text: string };

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder();
const bytesPerLine = 16;
// deno-lint-ignore no-control-regex -- finding control characters is the point
const controlCharacters = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;

/** Describes a key or a value. A hex dump shows `bytesMax` bytes at most. */
export function describeBytes(bytes: Uint8Array | null, bytesMax = 4_096): DescribedBytes {
  if (bytes === null) return { kind: "null" };
  const text = decode(bytes);
  if (text === undefined || text.search(controlCharacters) >= 0) {
    return { kind: "binary", text: hexDump(bytes, bytesMax) };
  }
  try {
    const value: unknown = JSON.parse(text);
    // A long number or a repeated name would not survive parsing, and then the text as it is tells the truth.
    if (typeof value === "object" && value !== null && JSON.stringify(value) === text) {
      return { kind: "json", text: JSON.stringify(value, null, 2) };
    }
  } catch {
    // Not JSON: text will do.
  }
  return { kind: "text", text };
}

/** One line for a table or a log: text with what would break a terminal replaced, cut to a length. */
export function briefBytes(bytes: Uint8Array | null, charactersMax = 40): string {
  return bytes === null ? "(null)" : brief(lenient.decode(bytes), charactersMax);
}

/** One line of text, safe for a terminal, cut to a length. */
export function brief(text: string, charactersMax: number): string {
  const safe = text.replace(/[\r\n\t]+/g, " ").replace(controlCharacters, "\ufffd");
  return safe.length > charactersMax ? `${safe.slice(0, charactersMax - 1)}…` : safe;
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

function hexDump(bytes: Uint8Array, bytesMax: number): string {
  const lines: string[] = [];
  for (let at = 0; at < Math.min(bytes.length, bytesMax); at += bytesPerLine) {
    const line = bytes.subarray(at, Math.min(at + bytesPerLine, bytesMax));
    const hex = Array.from(line, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const characters = Array.from(
      line,
      (byte) => byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".",
    ).join("");
    lines.push(`${at.toString(16).padStart(8, "0")}  ${hex.padEnd(47)}  |${characters}|`);
  }
  if (bytes.length > bytesMax) lines.push(`… ${bytes.length - bytesMax} more bytes`);
  return lines.join("\n");
}
