/** Says whom a redriven record is for: the group that it failed in. Other flows have had it, and pass it over. */
import { headerText, type InputRecord } from "./record.ts";

/** On a redriven record: the consumer group that it is for; everybody's where absent. */
export const redrivenForHeader = "x-redriven-for";
const name = new TextEncoder().encode(redrivenForHeader);

/** Whether the record was put back for another group than this one. */
export function isForAnother(
  record: Pick<InputRecord, "headers" | "lastHeaderValue">,
  groupId: string,
): boolean {
  // Looked at for each record: most have no such header, and need not be made for that.
  if (record.lastHeaderValue && record.lastHeaderValue(name) === undefined) return false;
  const wanted = headerText(record.headers, redrivenForHeader);
  return wanted !== undefined && wanted !== groupId;
}
