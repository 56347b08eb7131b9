/** What a transform is told beside its event, made for each try of each record: nothing is read before it is asked for. */
import type { TransformContext } from "./flow.ts";
import { type Header, headerText, type InputRecord } from "./record.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** See {@linkcode TransformContext}. */
export class RecordContext implements TransformContext {
  constructor(
    readonly record: InputRecord,
    readonly attempt: number,
    readonly signal: AbortSignal,
    readonly once: TransformContext["once"],
  ) {}

  get key(): string | null {
    const { key } = this.record;
    return key === null ? null : decoder.decode(key);
  }

  get headers(): readonly Header[] {
    return this.record.headers;
  }

  get timestamp(): number {
    return this.record.timestamp;
  }

  /** A getter, so that it may be taken out of the context as the others are. */
  get header(): TransformContext["header"] {
    const { record } = this;
    return (name) => headerText(record.headers, name);
  }
}
