/** The header that numbers the records of a parked key in their order. Pure; the rule that reads it is in parked_keys.ts. */
import { parkedHeader } from "../core/parked_header.ts";
import { type Header, headerText, textHeader } from "../core/record.ts";

/** A record's place in the queue of a parked key. It stays the same through redrives and further failures. */
export interface ParkedLink {
  /** The queue's own name: a key that is parked a second time has another one. */
  readonly queue: string;
  /** 0 for the record whose failure parked the key, 1 for the first one that followed it, and so on. */
  readonly number: number;
}

/** On a redriven record: pass this one over when its turn comes, so that those behind it can go on. */
export const parkedSkipHeader = "x-parked-skip";

const pattern = /^([0-9a-f-]{36})\/(\d{1,15})$/;

/** The link that a record carries, if any. A header that is not ours counts as none. */
export function parkedLink(headers: readonly Header[]): ParkedLink | undefined {
  const match = pattern.exec(headerText(headers, parkedHeader) ?? "");
  return match?.[1] ? { queue: match[1], number: Number(match[2]) } : undefined;
}

/** The headers with this link in the place of any other. */
export function withParkedLink(headers: readonly Header[], link: ParkedLink): readonly Header[] {
  return [
    ...headers.filter(([name]) => name !== parkedHeader),
    textHeader(parkedHeader, `${link.queue}/${link.number}`),
  ];
}
