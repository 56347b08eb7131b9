/** Keeps the list of a run's services, and ends what a run that was killed has left behind. */
import { join } from "node:path";
import { z } from "zod";
import { isRunning, type ProcessIdentity, processStart } from "../stack/processes.ts";
import { sendSignal } from "../stack/send_signal.ts";

const identity = z.object({ pid: z.int(), startedAt: z.string() });
const record = z.object({ owner: identity, services: z.array(identity) });

const fileName = "processes.json";

/** Notes the services of the run in this directory as they are started. */
export async function keepList(directory: string): Promise<(service: ProcessIdentity) => void> {
  const owner = { pid: Deno.pid, startedAt: await processStart(Deno.pid) ?? "" };
  const services: ProcessIdentity[] = [];
  return (service) => {
    services.push(service);
    Deno.writeTextFileSync(join(directory, fileName), JSON.stringify({ owner, services }));
  };
}

/** Ends the services of every run below `parent` whose own process is gone, and removes its directory. */
export async function endLeftBehind(parent: string): Promise<void> {
  const entries = await Array.fromAsync(Deno.readDir(parent)).catch(() => []);
  for (const { name } of entries.filter(({ name }) => name.startsWith("torture-"))) {
    const directory = join(parent, name);
    const text = await Deno.readTextFile(join(directory, fileName)).catch(() => undefined);
    const found = text === undefined ? undefined : record.safeParse(JSON.parse(text)).data;
    // A directory without a list is one of a run with findings, kept to be looked at.
    if (!found || await isRunning(found.owner)) continue;
    for (const service of found.services) await sendSignal(service, "KILL");
    await Deno.remove(directory, { recursive: true });
  }
}

/** The run has ended all of its services itself. */
export async function forgetList(directory: string): Promise<void> {
  await Deno.remove(join(directory, fileName)).catch(() => {});
}
