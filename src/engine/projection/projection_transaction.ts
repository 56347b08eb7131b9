/** What a projection's functions are given of the transaction that they work in: its statements, and no way to end it. Holds no code. */

/** Rows, and how many rows the statement has read or written. */
export type Rows<Row> = readonly Row[] & { readonly count: number };

/** Runs statements of SQL, written as template literals. */
export interface ProjectionQueries {
  /**
   * Runs a statement: `` await tx`select * from ${tx(table("shelf"))} where id = ${id}` ``. What stands in `${}` is sent as a
   * parameter (text, numbers, Dates, Uint8Arrays, null), unless it is a name made by `tx(name)`, or another statement that
   * becomes part of this one. `int8` comes back as a number, `numeric` as text, `timestamptz` as a Date.
   */
  // deno-lint-ignore no-explicit-any -- parameters are whatever the driver takes, and rows what the statement says
  <Row = Record<string, any>>(text: TemplateStringsArray, ...parameters: any[]): Promise<Rows<Row>>;
  /** A name that is quoted where it stands: of a table, as `table("shelf")` gives it, or of a column. */
  (name: string): object;
}

/** The transaction in which events are folded. It is committed, with the position, when the fold has ended well. */
export interface ProjectionTransaction extends ProjectionQueries {
  /** Runs text as it is, with `$1`, `$2` for the parameters. */
  unsafe(
    text: string,
    parameters?: (string | Uint8Array | number | boolean | null)[],
  ): PromiseLike<Rows<object>>;
}
