/** Reads `API_TOKENS`: who may do what over HTTP. No message repeats a token. */
import { Secret } from "./secret.ts";

/** What a token can be good for: placing orders, reading them, operating the pipeline, reading the metrics. */
export const rights = ["place", "read", "operate", "metrics"] as const;
/** One of {@linkcode rights}. */
export type Right = (typeof rights)[number];

/** One token and whose it is. Two of one name are the same client: that is how a token is replaced. */
export interface ApiToken {
  readonly name: string;
  readonly rights: ReadonlySet<Right>;
  readonly token: Secret;
}

/** The name of the client whose token is `API_TOKEN`. */
export const defaultClient = "default";

/** Shorter ones can be guessed. */
const tokenCharactersMin = 32;
const namePattern = /^[a-z0-9][a-z0-9_-]{0,31}$/;
/** RFC 6750, section 2.1. */
const tokenPattern = /^[A-Za-z0-9._~+/-]+=*$/;

/** What is wrong with a token; undefined where nothing is. */
export function tokenProblem(token: string): string | undefined {
  if (!tokenPattern.test(token)) {
    return "a bearer token: letters, digits or ._~+/-, = only at its end";
  }
  if (token.length < tokenCharactersMin) {
    return `must have at least ${tokenCharactersMin} characters ("openssl rand -hex 32" makes one)`;
  }
}

/** The one token of `API_TOKEN`. It may do everything. */
export function defaultToken(token: Secret): ApiToken {
  return { name: defaultClient, rights: new Set(rights), token };
}

/**
 * The tokens of a text with `name:rights:token` in each line, or separated by commas. Rights are `all`, or some joined by
 * `+`. Empty lines and those that begin with `#` are passed over.
 */
export function parseApiTokens(
  text: string,
): { readonly tokens: readonly ApiToken[]; readonly problems: readonly string[] } {
  const tokens: ApiToken[] = [];
  const problems: string[] = [];
  for (const [index, entry] of entriesOf(text).entries()) {
    const found = parseEntry(entry);
    if (typeof found === "string") problems.push(`entry ${index + 1}: ${found}`);
    else tokens.push(found);
  }
  const names = new Map<string, string>();
  for (const { name, token } of tokens) {
    const other = names.get(token.reveal());
    if (other !== undefined && other !== name) {
      problems.push(`${other} and ${name} have the same token: give each its own`);
    }
    names.set(token.reveal(), name);
  }
  return { tokens, problems };
}

function entriesOf(text: string): string[] {
  return text.split("\n").filter((line) => !line.trimStart().startsWith("#"))
    .flatMap((line) => line.split(",")).map((entry) => entry.trim()).filter((entry) => entry);
}

/** The token, or what is wrong with it. */
function parseEntry(entry: string): ApiToken | string {
  const [name = "", words = "", token = "", ...more] = entry.split(":");
  if (token === "" || more.length > 0) return "must be name:rights:token";
  if (!namePattern.test(name)) {
    return "the name must be 1 to 32 of a-z, 0-9, _ and -, a letter or digit first";
  }
  const asked = words === "all" ? rights : words.split("+");
  const known = rights.filter((right) => asked.includes(right));
  if (known.length !== asked.length) {
    return `the rights of ${name} must be "all", or some of ${rights.join(", ")} joined by +`;
  }
  const problem = tokenProblem(token);
  if (problem !== undefined) return `the token of ${name}: ${problem}`;
  return { name, rights: new Set(known), token: new Secret(token) };
}
