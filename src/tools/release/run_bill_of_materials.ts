/** The task `sbom`: prints the bill of materials as CycloneDX, or with `--licences` a line for each package. */
import { billOfMaterials, type LicensedPackage, type Product } from "./bill_of_materials.ts";
import { licenceOf, lockedPackages, type LockFile } from "./locked_packages.ts";

const root = new URL("../../../", import.meta.url);
const readJson = async (path: string) => JSON.parse(await Deno.readTextFile(new URL(path, root)));

/** What is released, and the packages that its lock file has, with the licences that can be read here. */
export async function readRelease(): Promise<{
  readonly product: Product;
  readonly packages: readonly LicensedPackage[];
}> {
  const { name, version, license } = await readJson("deno.json") as Product;
  const lock = await readJson("deno.lock") as LockFile & {
    readonly workspace: { readonly dependencies: readonly string[] };
  };
  const modules = new URL("node_modules/", root);
  const packages = await Promise.all(
    lockedPackages(lock).map(async (entry) => ({
      ...entry,
      licence: await licenceOf(entry, modules),
    })),
  );
  const imported = new Set(lock.workspace.dependencies);
  const imports = packages.filter((entry) => imported.has(`npm:${entry.name}@${entry.version}`))
    .map(({ id }) => id);
  return { product: { name, version, license, imports }, packages };
}

if (import.meta.main) {
  const { product, packages } = await readRelease();
  if (Deno.args.includes("--licences")) {
    for (const { name, version, licence } of packages) {
      console.log(`${name} ${version}\t${licence ?? "not installed on this platform"}`);
    }
  } else console.log(JSON.stringify(billOfMaterials(product, packages), null, 2));
}
