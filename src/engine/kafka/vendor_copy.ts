/** The one place that names the version of kafkajs, and loads its modules: those that are patched are ours alone. */
import manifest from "npm:kafkajs@2.2.4/package.json" with { type: "json" };
import { ownCopies } from "../packages/own_copies.ts";
import { copied, type replaced, type VendorPart } from "./vendor_parts.ts";

const copies = ownCopies(
  "kafkajs",
  import.meta.resolve("npm:kafkajs@2.2.4/package.json"),
  copied.map((path) => `src/${path}`),
);

/** Loads a module of kafkajs by its path inside the package's `src`. */
export const part = <T>(path: VendorPart): T => copies.load(`src/${path}`);

/** Puts another implementation in the place of a module whose export is a function; before any of our users loads it. */
export const replacePart = <T>(
  path: keyof typeof replaced,
  replace: (original: T) => T,
): void => copies.replace(`src/${path}`, replace);

/** The version of the package. */
export const vendorVersion = (): string => manifest.version;
