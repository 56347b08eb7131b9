/** A flow that does next to nothing, for tests of what carries it. */
import { z } from "zod";
import { defineFlow, topic } from "../../src/engine/mod.ts";

const read = z.object({ id: z.string() });

/** Copies each event `{ id }`, keyed by its id. */
export function copyFlow(source: string, outTopic: string) {
  const out = topic(outTopic, { read, key: ({ id }) => id });
  return defineFlow({
    name: `copy-${source}`,
    from: topic(source, { read, key: ({ id }) => id }),
    to: [out],
    transform: (event) => out.event(event),
  });
}
