/** Sends a signal to a process of ours. Never to one whose start time is not the one on record. */
import { isRunning, type ProcessIdentity } from "./processes.ts";
import { asPostgresUser, postgresBinaries } from "./postgres_binaries.ts";

/**
 * Sends the signal if exactly this process still runs; false when it does not. `kill` does it, and where that program is
 * not installed (slim container images) `pg_ctl kill` of the embedded PostgreSQL: `Deno.kill` would need the permission to
 * run everything.
 */
export async function sendSignal(
  identity: ProcessIdentity,
  signal: "TERM" | "INT" | "QUIT" | "KILL",
): Promise<boolean> {
  if (!await isRunning(identity)) return false;
  const pid = String(identity.pid);
  try {
    return await succeeds("/bin/kill", [`-${signal}`, pid]);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const { pgCtl } = postgresBinaries();
    const { command, args } = asPostgresUser(pgCtl, ["kill", signal, pid]);
    return await succeeds(command, args);
  }
}

async function succeeds(command: string, args: readonly string[]): Promise<boolean> {
  const run = await new Deno.Command(command, {
    args: [...args],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output();
  return run.success;
}
