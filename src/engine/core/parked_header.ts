/** The header that says which place a record has in the queue of a parked key. A name; what reads it is in `dead_letters/parked_link.ts`. */

/** A redrive leaves it on the record, since the lane needs it. */
export const parkedHeader = "x-parked";
