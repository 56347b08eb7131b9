/** What stands in the place of an erased order's error text, which may quote whose it was. */
export const erasedReason = "(erased)";
