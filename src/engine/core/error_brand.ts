/** Marks classes of errors so that other copies of this package know them. Owns the symbols, never what an error means. */

const symbolOf = (name: string) => Symbol.for(`onceflow.${name}`);

/** Marks all instances of a class, and those of classes that extend it. */
export function brand(type: { readonly prototype: Error }, name: string): void {
  Object.defineProperty(type.prototype, symbolOf(name), { value: true });
}

/**
 * What `value instanceof type` means for a branded class: the brand counts. A class that extends one inherits this method
 * and has no brand of its own: there the prototype decides, as ever.
 */
export function hasBrand(
  type: unknown,
  branded: { readonly prototype: Error },
  name: string,
  value: unknown,
): boolean {
  if (type === branded) {
    return typeof value === "object" && value !== null && symbolOf(name) in value;
  }
  return typeof type === "function" && Function.prototype[Symbol.hasInstance].call(type, value);
}
