/** The packages of the lock file, and what each says of its licence. Reads files and nothing else. */

/** A package as the lock file has it. */
export interface LockedPackage {
  /** Its key in the lock file: name, version, and the peers that it was resolved with. */
  readonly id: string;
  readonly name: string;
  readonly version: string;
  /** SHA-512 of its archive, in Base64. */
  readonly sha512: string;
  /** Ids of what it needs, what it can do without among them. */
  readonly dependencies: readonly string[];
  /** Whether it is for some platforms only, so that it may not be installed here. */
  readonly ofPlatform: boolean;
}

/** The part of `deno.lock` (version 5) that is read. */
export interface LockFile {
  readonly version: string;
  readonly npm: Readonly<
    Record<string, {
      readonly integrity: string;
      readonly dependencies?: readonly string[];
      readonly optionalDependencies?: readonly string[];
      readonly os?: readonly string[];
      readonly cpu?: readonly string[];
    }>
  >;
}

/**
 * Every package of a lock file, by its id.
 *
 * @throws {Error} naming what the lock file has and this does not know
 */
export function lockedPackages(lock: LockFile): readonly LockedPackage[] {
  if (lock.version !== "5") {
    throw new Error(`deno.lock is of version ${lock.version}; only 5 can be read here`);
  }
  const ids = Object.keys(lock.npm);
  return Object.entries(lock.npm).map(([id, entry]) => {
    const [algorithm, sha512 = ""] = entry.integrity.split("-");
    if (algorithm !== "sha512") throw new Error(`${id} has no SHA-512 in deno.lock`);
    const needs = [...entry.dependencies ?? [], ...entry.optionalDependencies ?? []];
    return {
      id,
      ...nameAndVersion(id),
      sha512,
      dependencies: needs.map((need) => resolve(need, ids, id)),
      ofPlatform: entry.os !== undefined || entry.cpu !== undefined,
    };
  });
}

/** `@hono/zod-openapi@1.6.3_hono@4.13.19` is version 1.6.3 of `@hono/zod-openapi`. */
function nameAndVersion(id: string): { readonly name: string; readonly version: string } {
  const [, name, version] = id.match(/^(@?[^@]+)@([^_]+)/) ?? [];
  if (name === undefined || version === undefined) {
    throw new Error(`${id} in deno.lock is no package with a version`);
  }
  return { name, version };
}

/** A dependency has its version only where the lock file has several of that name. */
function resolve(need: string, ids: readonly string[], of: string): string {
  const found = ids.filter((id) => id === need || id.startsWith(`${need}@`));
  const [only] = found;
  if (only === undefined || found.length > 1) {
    throw new Error(`${of} needs ${need}, which deno.lock has ${found.length} times`);
  }
  return only;
}

/**
 * The licence that an installed package names, as an SPDX expression; undefined where it is not installed (as those of
 * other platforms).
 *
 * @param modules `node_modules` of the checkout
 */
export async function licenceOf(
  { name, version }: LockedPackage,
  modules: URL,
): Promise<string | undefined> {
  const folder = `.deno/${name.replace("/", "+")}@${version}/node_modules/${name}/package.json`;
  const text = await Deno.readTextFile(new URL(folder, modules)).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const { license } = JSON.parse(text) as { readonly license?: string };
  return license ?? "NOASSERTION";
}
