/** Where a list of dead letters goes on: a place in each partition, as text that a person can hand back. Pure. */

/** In which order dead letters are listed. */
export type ListOrder = "newest" | "oldest";

/** By partition: of the newest first, the offset below which the rest lies; of the oldest first, the one from which on. */
export type ListCursor = ReadonlyMap<number, number>;

/** `newest:0/17,1/904`. */
export function formatCursor(order: ListOrder, cursor: ListCursor): string {
  return `${order}:${[...cursor].map(([partition, offset]) => `${partition}/${offset}`).join(",")}`;
}

const shape = /^(newest|oldest):(\d{1,9}\/\d{1,15}(?:,\d{1,9}\/\d{1,15})*)$/;

/**
 * Reads what an earlier page of the same order has said.
 *
 * @throws {TypeError} for anything else, or the other order
 */
export function parseCursor(text: string, order: ListOrder): ListCursor {
  const [, given, places = ""] = shape.exec(text) ?? [];
  if (given === undefined) {
    throw new TypeError(
      `"${text}" is no place in a list: give what the page before it names as the next one, ` +
        `such as ${order}:0/17,1/904`,
    );
  }
  if (given !== order) {
    throw new TypeError(`"${text}" goes on with the ${given} first, and this list is the ${order}`);
  }
  return new Map(
    places.split(",").map((place) => {
      const [partition, offset] = place.split("/").map(Number);
      return [partition ?? 0, offset ?? 0];
    }),
  );
}
