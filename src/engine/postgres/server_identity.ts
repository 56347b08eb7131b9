/** Checks whose certificate a server shows, as `sslmode=verify-full` demands. */
import { isIP } from "node:net";
import { checkServerIdentity, type PeerCertificate } from "node:tls";

/**
 * The check for an address with these hosts. For a number in place of a name the driver names no server, and Node then takes
 * it for `localhost`: a certificate of that name would pass for any address, and the right one for none.
 */
export function identityCheck(
  hosts: readonly string[],
): (name: string, certificate: PeerCertificate) => Error | undefined {
  const numbers = hosts.filter((host) => isIP(host) !== 0);
  return (name, certificate) => {
    if (hosts.includes(name) || numbers.length === 0) return checkServerIdentity(name, certificate);
    const problems = numbers.map((number) => checkServerIdentity(number, certificate));
    return problems.includes(undefined) ? undefined : problems[0];
  };
}

/** The hosts of `postgres://user@a:1,b:2/name`, without brackets and ports. */
export function hostsOf(address: string): string[] {
  const [, list = ""] = /^\w+:\/\/(?:[^/?]*@)?([^/?]*)/.exec(address) ?? [];
  return list.split(",").map((host) => host.replace(/:\d*$/, "").replace(/^\[(.*)\]$/, "$1"));
}
