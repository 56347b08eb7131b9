/**
 * Decides whether a request came to the address that it names. A page of another site can make a browser send requests
 * here under a name of its own (DNS rebinding), and a `Host` that is no host makes another path of the URL that the server
 * builds from it.
 */

/** By what a listener may be called. */
export interface HostRule {
  /** Names without a port, and addresses; absent where every name will do. */
  readonly names?: readonly string[];
  /** Any address will do: only names can be made to lead elsewhere. */
  readonly addresses: boolean;
}

/** What a host may be: a name, an IPv4 address, or an IPv6 address in brackets, and a port (RFC 9110, section 7.2). */
const hostPattern = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{0,5})?$/i;
const addressPattern = /^(\[.*\]|\d{1,3}(\.\d{1,3}){3})$/;
const loopbackPattern = /^(localhost|\[?::1\]?|127(\.\d{1,3}){3})$/i;

/** True for an address that only this machine reaches. */
export function isLoopback(hostname: string): boolean {
  return loopbackPattern.test(hostname);
}

/**
 * The rule for a listener on that address. On loopback it goes by loopback's names and those that are given. Elsewhere it
 * goes by any address and by loopback's names beside those that are given, and by any name where none is.
 */
export function hostRuleFor(hostname: string, given?: readonly string[]): HostRule {
  const addresses = !isLoopback(hostname);
  if (given?.includes("*") || given === undefined && addresses) return { addresses };
  const own = ["localhost", "127.0.0.1", "[::1]", hostname, ...given ?? []];
  return { names: own.map(plainName), addresses };
}

/** Why a request is refused: its status and a sentence. Undefined where it is not. */
export function refusedHost(
  request: Request,
  { names, addresses }: HostRule,
): { readonly status: 400 | 421; readonly title: string } | undefined {
  const header = request.headers.get("host");
  const url = URL.parse(request.url);
  // Without the header the URL has the host of an HTTP/2 request, or of the listener (HTTP/1.0).
  if (url === null || header !== null && !hostPattern.test(header)) {
    return { status: 400, title: "The Host header names no host" };
  }
  // A request line can name a host of its own.
  for (const name of [plainName(header ?? url.host), plainName(url.host)]) {
    if (names === undefined || names.includes(name)) continue;
    if (addresses && addressPattern.test(name)) continue;
    return { status: 421, title: "This service does not go by the name in Host" };
  }
}

function plainName(host: string): string {
  const [, name = host] = hostPattern.exec(host) ?? [];
  return name.toLowerCase().replace(/\.$/, "");
}
