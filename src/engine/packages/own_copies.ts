/**
 * Loads CommonJS modules of a package as copies of our own, so that they can be patched: a program may use the package
 * beside onceflow, or onceflow twice (two versions, two ways of importing it), and none changes the other.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** A package of which some modules are ours alone; all others are shared with whoever loads them. */
export interface OwnCopies {
  /** Loads a module by its path from the directory of the package's entry; with our copies wherever it needs one. */
  load<T>(path: string): T;
  /** Puts another implementation in the place of a module that is copied, before any of its users loads it. */
  replace<T>(path: string, replace: (original: T) => T): void;
}

type Modules = Map<string, NodeModule>;
type NodeModule = NonNullable<ReturnType<typeof createRequire>["cache"][string]>;

/**
 * `resolved` is what `import.meta.resolve` says of the package where it is imported: a path on this machine, wherever
 * onceflow itself comes from. `copied` names what is patched, and all that captures it when it is loaded.
 */
export function ownCopies(name: string, resolved: string, copied: readonly string[]): OwnCopies {
  if (!resolved.startsWith("file:")) {
    throw new Error(
      `Cannot load ${name}: it has no file of its own here (${resolved}). Run the program from its ` +
        "sources; onceflow and its packages cannot be bundled into one file",
    );
  }
  const require = createRequire(resolved);
  const directory = dirname(require.resolve(name));
  const fileOf = (path: string) => require.resolve(join(directory, path));
  const files = copied.map(fileOf);
  const ours: Modules = new Map();

  /** Puts these in the cache and answers with what was there. */
  function exchange(modules: Modules): Modules {
    const before: Modules = new Map();
    for (const file of files) {
      const found = require.cache[file];
      if (found) before.set(file, found);
      const module = modules.get(file);
      if (module) require.cache[file] = module;
      else delete require.cache[file];
    }
    return before;
  }

  /** With our copies in the module cache instead of those that the program may have loaded. */
  function amongOurs<T>(load: () => T): T {
    const theirs = exchange(ours);
    try {
      return load();
    } finally {
      for (const [file, module] of exchange(theirs)) ours.set(file, module);
    }
  }

  return {
    load: <T>(path: string) => amongOurs(() => require(fileOf(path)) as T),
    replace<T>(path: string, replace: (original: T) => T) {
      const file = fileOf(path);
      amongOurs(() => {
        const original = require(file) as T;
        const cached = require.cache[file];
        if (!cached || !files.includes(file)) {
          throw new Error(`Cannot patch ${name}: ${path} is not among the modules that are copied`);
        }
        cached.exports = replace(original);
      });
    },
  };
}
