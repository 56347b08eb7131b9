/** Makes text from data harmless for a terminal: what would move the cursor, colour, or turn the reading order is written out. */

/**
 * Control characters but line break and tab (ESC and CR among them, and those of C1, which some terminals obey as well),
 * Unicode's line breaks, and what changes the direction of text so that it reads as another (CVE-2021-42574).
 */
const harmful =
  // deno-lint-ignore no-control-regex -- finding control characters is the point
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/**
 * The text with each of them as `\u001b`. In a JSON document that is the same string, so that programs read what they would
 * have read.
 */
export function plainText(text: string): string {
  return text.replace(
    harmful,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** The same in one line: data that holds a line break must not look like a line of ours. */
export function oneLine(text: string): string {
  return plainText(text).replace(/[\n\t]/g, (sign) => sign === "\n" ? "\\n" : "\\t");
}
