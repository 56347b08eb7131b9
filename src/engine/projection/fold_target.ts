/** Where a projection is folded into: the live tables, or the tables of a rebuild. It holds no connection. */
import {
  liveTables,
  type Projection,
  type ProjectionEvent,
  type TableNames,
} from "./define_projection.ts";

/**
 * How a record that comes a second time is recognised.
 * - `position`: by its place in the log. Rows and position move together, so a place is folded once.
 * - `event_id`: by the event's own id, kept in `processed_events`. Costs a row an event, and also catches an event that
 *   stands in the log twice, as an at-least-once producer leaves it.
 *   A record that is put back on its topic on purpose (a redrive) is then a repetition too, and changes nothing; and the
 *   swap of a rebuild takes longer, by the renaming of a row an event.
 */
export type Dedupe = "position" | "event_id";

/** A projection with the place that it is folded into. */
export interface FoldTarget<Event extends ProjectionEvent = ProjectionEvent> {
  readonly projection: Projection<Event>;
  /** The name that its positions stand under: the projection's own for the live tables, `name@id` for a rebuild. */
  readonly label: string;
  readonly table: TableNames;
  readonly dedupe: Dedupe;
}

/** The tables that readers see. */
export function liveTarget<Event extends ProjectionEvent>(
  projection: Projection<Event>,
  dedupe: Dedupe,
): FoldTarget<Event> {
  return { projection, label: projection.name, table: liveTables, dedupe };
}
