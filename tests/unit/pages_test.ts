/** What the pages name is there: files and headings that they link to, and tasks that they tell a reader to run. */
import { assert, assertEquals } from "../support/assert.ts";
import { manifest, readRepoFile, root } from "../support/deploy_files.ts";

const pages = ["README.md"];
for (const directory of ["src/", "src/deploy/"]) {
  for await (const { name } of Deno.readDir(new URL(directory, root))) {
    if (name.endsWith(".md")) pages.push(`${directory}${name}`);
  }
}

const linesMax = 280;

/** `#which-kafka-keeps-it` of `### Which Kafka keeps it`, as hosts of Git make it. */
const anchors = (text: string) =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
  );

Deno.test("every link of a page leads to a file and a heading that are there", async () => {
  const broken: string[] = [];
  for (const page of pages) {
    const text = await readRepoFile(page);
    const links = [
      ...text.matchAll(/\]\(([^)\s]+)\)/g),
      ...text.matchAll(/(?:src|srcset)="([^"]+)"/g),
    ].map(([, link = ""]) => link);
    for (const link of links) {
      if (/^https?:/.test(link)) continue;
      const [path = "", anchor] = link.split("#");
      const target = path === "" ? text : await Deno.readTextFile(
        new URL(path, new URL(page, root)),
      ).catch(() => undefined);
      if (target === undefined || (anchor && !anchors(target).includes(anchor))) {
        broken.push(`${page}: ${link}`);
      }
    }
  }
  assertEquals(broken, []);
});

Deno.test("every task that a page names is one", async () => {
  const unknown: string[] = [];
  for (const page of pages) {
    for (const [, task = ""] of (await readRepoFile(page)).matchAll(/deno task ([a-z]+)/g)) {
      if (!(task in manifest.tasks)) unknown.push(`${page}: ${task}`);
    }
  }
  assertEquals(unknown, []);
});

Deno.test("the README is read in ten minutes", async () => {
  const lines = (await readRepoFile("README.md")).split("\n").length;
  assert(lines <= linesMax, `${lines} lines; details belong in a page under src`);
});

Deno.test("every page is led to by another one", async () => {
  const led = new Set<string>();
  for (const page of pages) {
    for (const [, link = ""] of (await readRepoFile(page)).matchAll(/\]\(([^)\s#]+\.md)/g)) {
      const path = new URL(link, new URL(page, root)).href.slice(root.href.length);
      if (path !== page) led.add(path);
    }
  }
  assertEquals(pages.filter((page) => !led.has(page)), []);
});
