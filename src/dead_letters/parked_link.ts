/** The header that chains the parked records of one key in their order. Pure; the rule that reads it is in parked_keys.ts. */
import { z } from "zod";
import { type Header, headerText, textHeader } from "../core/record.ts";

/** A record's place in the queue of a parked key. Offsets are those of the input partition. */
export interface ParkedLink {
  /** The group whose lane parked it: groups that read the same topic park on their own. */
  readonly group: string;
  /** The offset of the record whose failure parked the key: it names the queue. */
  readonly head: number;
  /** This record's offset when it was parked first; it stays the same through redrives. */
  readonly offset: number;
  /** The `offset` of the record before it in the queue, or -1 for the head. */
  readonly after: number;
}

/** The header's name. A redrive leaves it on the record, since the lane needs it. */
export const parkedHeader = "x-parked";

const shape = z.object({
  group: z.string(),
  head: z.number().int().nonnegative(),
  offset: z.number().int().nonnegative(),
  after: z.number().int().min(-1),
});

/** The link that a record carries, if any. A header that is not ours counts as none. */
export function parkedLink(headers: readonly Header[]): ParkedLink | undefined {
  const text = headerText(headers, parkedHeader);
  if (text === undefined) return undefined;
  try {
    return shape.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** The headers with this link in the place of any other. */
export function withParkedLink(headers: readonly Header[], link: ParkedLink): readonly Header[] {
  const { group, head, offset, after } = link;
  const text = JSON.stringify({ group, head, offset, after });
  return [...headers.filter(([name]) => name !== parkedHeader), textHeader(parkedHeader, text)];
}
