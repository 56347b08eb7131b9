/** Takes secrets out of what is about to be printed. It never changes what was given to it. */

const mask = "[redacted]";
const secretName = /password|passwd|secret|token|authorization|api_?key|credential/i;
/** `scheme://user:password@host`: the password may hold anything but the characters that end an authority. */
const passwordInUrl = /\b([a-z][a-z0-9+.-]*:\/\/[^\s:/?#@"'<>]*):[^\s/?#"'<>]+@/gi;
const bearer = /\b(bearer\s+)[\w.~+/=-]+/gi;
const depthMax = 4;

/** The text without passwords in addresses and without bearer tokens. */
export function redactText(text: string): string {
  return text.replace(passwordInUrl, `$1:${mask}@`).replace(bearer, `$1${mask}`);
}

/**
 * The value ready for a log line: a field whose name speaks of a secret is masked, at any depth down to four, and an
 * error becomes its message with those of its causes (its stack and extra fields can hold a statement's parameters).
 */
export function redactSecrets(value: unknown, name = "", depth = 0): unknown {
  if (secretName.test(name) && value !== undefined && value !== null) return mask;
  if (value instanceof Error) return messagesOf(value);
  if (typeof value !== "object" || value === null || depth >= depthMax) return value;
  if (Array.isArray(value)) return value.map((item) => redactSecrets(item, "", depth + 1));
  // Dates, maps, settings' own Secret and the like know themselves how to be shown.
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, redactSecrets(item, key, depth + 1)]),
  );
}

function messagesOf(error: Error): string {
  const messages = [error.message];
  let { cause } = error;
  for (let depth = 0; cause instanceof Error && depth < depthMax; depth++) {
    messages.push(cause.message);
    cause = cause.cause;
  }
  return messages.join(": because ");
}
