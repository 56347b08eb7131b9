/** Gives up what only starting the embedded stack takes: running programs, writing files, the docker socket. */

const onlyForTheStack = ["/var/run/docker.sock", "/usr/bin/setpriv"] as const;

/** For good: Deno gives a process nothing back that it has given up. Changes nothing where it was not allowed anyway. */
export async function dropRights(): Promise<void> {
  await Deno.permissions.revoke({ name: "run" });
  await Deno.permissions.revoke({ name: "write" });
  for (const path of onlyForTheStack) await Deno.permissions.revoke({ name: "read", path });
}

/** Whether this process may run what the stack is made of. */
export async function mayRunStack(): Promise<boolean> {
  return (await Deno.permissions.query({ name: "run", command: "java" })).state === "granted";
}
