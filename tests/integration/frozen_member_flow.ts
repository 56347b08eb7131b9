/** The flow of the test that freezes a member, and of the process that is frozen. */
import { z } from "zod";
import { defineFlow, topic } from "../../src/mod.ts";

/** How long the group waits for a silent member, milliseconds. */
export const sessionTimeoutMs = 2_000;
const read = z.object({ id: z.string() });

/** Copies each event. */
export function copyFlow(source: string, outTopic: string) {
  const out = topic(outTopic, { read, key: ({ id }) => id });
  return defineFlow({
    name: `copy-${source}`,
    from: topic(source, { read, key: ({ id }) => id }),
    to: [out],
    transform: (event) => out.event(event),
  });
}
