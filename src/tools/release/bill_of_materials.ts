/** A bill of materials in CycloneDX 1.6 (ECMA-424): the same lock file gives the same bytes. */
import { Buffer } from "node:buffer";
import type { LockedPackage } from "./locked_packages.ts";

/** What the bill is of. */
export interface Product {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** Ids of the packages that it imports itself. */
  readonly imports: readonly string[];
}

/** A package and the licence that it names, where that is known. */
export interface LicensedPackage extends LockedPackage {
  readonly licence: string | undefined;
}

/** The document, ready for `JSON.stringify`. It has no time and no serial number: releases are compared by their bytes. */
export function billOfMaterials(product: Product, packages: readonly LicensedPackage[]) {
  const ref = `pkg:generic/${purlName(product.name)}@${product.version}`;
  const refs = new Map(packages.map((entry) => [entry.id, purlOf(entry)]));
  const refsOf = (ids: readonly string[]) =>
    [...new Set(ids.map((id) => refs.get(id) ?? id))].toSorted();
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        type: "application",
        "bom-ref": ref,
        name: product.name,
        version: product.version,
        licenses: [{ license: { id: product.license } }],
      },
    },
    components: packages.map((entry) => ({
      type: "library",
      "bom-ref": purlOf(entry),
      name: entry.name,
      version: entry.version,
      purl: purlOf(entry),
      scope: entry.ofPlatform ? "optional" : "required",
      hashes: [{ alg: "SHA-512", content: Buffer.from(entry.sha512, "base64").toString("hex") }],
      ...licensesOf(entry.licence),
    })),
    dependencies: [
      { ref, dependsOn: refsOf(product.imports) },
      ...packages.map((entry) => ({ ref: purlOf(entry), dependsOn: refsOf(entry.dependencies) })),
    ],
  };
}

/** https://github.com/package-url/purl-spec: the scope's `@` is percent-encoded. */
const purlName = (name: string) => name.replace(/^@/, "%40");
const purlOf = ({ name, version }: LockedPackage) => `pkg:npm/${purlName(name)}@${version}`;

/** One id where it is one, an expression where it is more. */
function licensesOf(licence: string | undefined) {
  if (licence === undefined || licence === "NOASSERTION") return {};
  return /^[A-Za-z0-9.+-]+$/.test(licence)
    ? { licenses: [{ license: { id: licence } }] }
    : { licenses: [{ expression: licence }] };
}
