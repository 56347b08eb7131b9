/** What a transform is told beside its event, made for each try of each record: nothing is read before it is asked for. */
import type { TransformContext } from "./flow.ts";
import type { KeyState } from "./keyed_state.ts";
import { type Header, headerText, type InputRecord } from "./record.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** See {@linkcode TransformContext}. */
export class RecordContext implements TransformContext<unknown> {
  constructor(
    readonly record: InputRecord,
    readonly attempt: number,
    readonly signal: AbortSignal,
    readonly once: TransformContext["once"],
    readonly kept?: KeyState<unknown>,
  ) {}

  get key(): string | null {
    const { key } = this.record;
    return key === null ? null : decoder.decode(key);
  }

  get headers(): readonly Header[] {
    return this.record.headers;
  }

  get state(): KeyState<unknown> {
    if (this.kept) return this.kept;
    throw new TypeError("The flow keeps no state: give it one with `state: keyedState({ ... })`");
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
