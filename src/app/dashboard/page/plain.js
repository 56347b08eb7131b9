/** Makes what is in data visible that would steer a reader: the page's own form of the engine's `plainText`. */

/** Control characters but line break and tab, Unicode's line breaks, and what turns the direction of text. */
const steering =
  // deno-lint-ignore no-control-regex -- finding control characters is the point
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/**
 * The text with each of them written out, as `\u202e`.
 * @param {string} text
 */
export function plain(text) {
  return text.replace(
    steering,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * Why a record failed, in one line; both parts are empty where no header tells.
 * @param {string} errorClass
 * @param {string} error
 */
export function whyText(errorClass, error) {
  const known = [errorClass, error].filter((part) => part !== "");
  return plain(known.join(": ") || "no header says why");
}
