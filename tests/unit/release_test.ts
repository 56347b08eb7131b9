/** A release's bill of materials has every locked package once, with a licence that may be used, and names what needs what. */
import { billOfMaterials } from "../../src/tools/release/bill_of_materials.ts";
import { lockedPackages } from "../../src/tools/release/locked_packages.ts";
import { auditOutcome } from "../../src/tools/release/run_audit.ts";
import { readRelease } from "../../src/tools/release/run_bill_of_materials.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { manifest, readRepoFile } from "../support/deploy_files.ts";

/** Licences that ask for no more than their text beside a copy, or for nothing. */
const allowed = [
  ...["MIT", "ISC", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause"],
  ...["(MIT AND Zlib)", "CC0-1.0", "Unlicense"],
];
/** Loaded by tests alone, unchanged, and in nothing that is shipped: whoever changed it would have to publish the change. */
const ofTests = { "axe-core": "MPL-2.0" };

Deno.test("every locked package is in the bill once, with its hash, and all that it needs is there", async () => {
  const { product, packages } = await readRelease();
  const bill = billOfMaterials(product, packages);
  const { npm } = JSON.parse(await readRepoFile("deno.lock")) as {
    npm: Record<string, { integrity: string }>;
  };
  assertEquals(bill.components.length, Object.keys(npm).length);
  const refs = bill.components.map((component) => component["bom-ref"]);
  assertEquals(new Set(refs).size, refs.length);
  const known = new Set([...refs, bill.metadata.component["bom-ref"]]);
  for (const { ref, dependsOn } of bill.dependencies) {
    assertEquals([ref, ...dependsOn].filter((name) => !known.has(name)), []);
  }
  for (const { hashes: [hash] } of bill.components) assert(/^[0-9a-f]{128}$/.test(hash!.content));
  const direct = bill.dependencies[0]?.dependsOn ?? [];
  assert(
    direct.includes("pkg:npm/kafkajs@2.2.4") &&
      direct.includes("pkg:npm/%40hono/zod-openapi@1.6.3"),
  );
  assertEquals(bill.metadata.component.version, manifest.version);
});

Deno.test("every package that is installed here names a licence that may be used", async () => {
  const { packages } = await readRelease();
  const others = packages.filter(({ licence, ofPlatform }) =>
    licence === undefined ? !ofPlatform : !allowed.includes(licence)
  ).filter(({ id, licence }) =>
    !Object.entries(ofTests).some(([name, own]) => id.startsWith(`${name}@`) && licence === own)
  );
  assertEquals(others.map(({ id, licence }) => `${id}: ${licence}`), []);
});

Deno.test("a lock file that is not understood is refused, and not half read", () => {
  const entry = { integrity: "sha512-AA==" };
  assertThrows(() => lockedPackages({ version: "6", npm: {} }), Error, "only 5");
  assertThrows(
    () => lockedPackages({ version: "5", npm: { "a@1.0.0": { integrity: "sha1-AA==" } } }),
    Error,
    "no SHA-512",
  );
  assertThrows(
    () => lockedPackages({ version: "5", npm: { "a@1.0.0": { ...entry, dependencies: ["b"] } } }),
    Error,
    "needs b",
  );
});

Deno.test("an audit that could not be made is not taken for a clean one, nor a finding for an outage", () => {
  assertEquals(auditOutcome(true, "No known vulnerabilities found\n"), "clean");
  const outage =
    "error: error sending request for url (https://example.com/): client error (Connect)";
  assertEquals(auditOutcome(false, outage), "not checked");
  assertEquals(auditOutcome(false, "Found 1 vulnerabilities\nSeverity: 1 high\n"), "vulnerable");
});
