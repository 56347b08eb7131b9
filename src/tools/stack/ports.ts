/** Looks at TCP ports of 127.0.0.1: free or taken, and by what. Never keeps one open. */
import { outputOf } from "./processes.ts";
import { StackError } from "./stack_error.ts";
import { waitFor } from "./wait.ts";

/** A port of the loopback address that was free a moment ago, chosen by the system. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Whether a server can listen on that port now. */
export function isPortFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}

/** A server that was killed leaves the port to its child processes until they notice. */
const ownPortMsMax = 10_000;

/**
 * Passes when the port is free; where a server of ours had it before, it may take a moment to become so.
 *
 * @throws {StackError} naming the port, the setting that chooses another, and what holds it where that can be found
 */
export async function requireFreePort(
  port: number,
  service: string,
  setting: string,
  { oursBefore, signal }: { readonly oursBefore: boolean; readonly signal?: AbortSignal },
): Promise<void> {
  const waitMsMax = oursBefore ? ownPortMsMax : 0;
  if (await waitFor(() => isPortFree(port) || undefined, { waitMsMax, signal })) return;
  const holder = await portHolder(port);
  throw new StackError(
    `Cannot start ${service}: port ${port} of 127.0.0.1 is taken${
      holder ? ` by ${holder}` : ""
    }. Stop what listens there, or choose another port with ${setting}.`,
  );
}

/** The process that listens there, as `ss` or `lsof` tell it: `java (process 4711)`. */
async function portHolder(port: number): Promise<string | undefined> {
  const looks = [
    ["/usr/bin/ss", ["-Hltnp", `sport = :${port}`], /users:\(\("(?<name>[^"]+)",pid=(?<pid>\d+)/],
    [
      "/usr/bin/lsof",
      ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpc"],
      /p(?<pid>\d+)\nc(?<name>.+)/,
    ],
    [
      "/usr/sbin/lsof",
      ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpc"],
      /p(?<pid>\d+)\nc(?<name>.+)/,
    ],
  ] as const;
  for (const [command, args, pattern] of looks) {
    // Neither program need be installed or permitted: the error is only less telling then.
    const found = (await outputOf(command, args).catch(() => undefined))?.match(pattern)?.groups;
    if (found) return `${found.name} (process ${found.pid})`;
  }
}
