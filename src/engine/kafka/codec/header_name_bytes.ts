/** The bytes of header names, which are few and come again with each record. Owns a bounded memory of them. */

const encoder = new TextEncoder();
const known = new Map<string, Uint8Array>();
/** A flow that makes names of data has as many as it likes: those beyond are encoded each time. */
const namesMax = 500;
const nameCharsMax = 200;

/** The name as UTF-8; not to be changed. */
export function headerNameBytes(name: string): Uint8Array {
  const found = known.get(name);
  if (found) return found;
  const bytes = encoder.encode(name);
  if (known.size < namesMax && name.length <= nameCharsMax) known.set(name, bytes);
  return bytes;
}
