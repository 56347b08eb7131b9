/** `deno task new`: what it writes passes its own tests as it stands, and nothing is overwritten. */
import { parse } from "yaml";
import { newProject, NewProjectError } from "../../src/tools/new_project/new_project.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";

const utf8 = new TextDecoder();

Deno.test("a new project is type-checked and passes its own tests", async () => {
  const parent = await Deno.makeTempDir();
  const { directory, files } = await newProject(`${parent}/page-counts`);
  try {
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args,
        cwd: directory,
        env: { NO_COLOR: "1" },
      }).output();
      const said = utf8.decode(stdout) + utf8.decode(stderr);
      assertEquals(code, 0, said);
      return said;
    };
    assertStringIncludes(await run("task", "test"), "1 passed");
    await run("check", "main.ts");
    await run("fmt", "--check", "--line-width=100", ...files.filter((name) => /\.ts$/.test(name)));
    const { name, services, volumes } = parse(
      await Deno.readTextFile(`${directory}/docker-compose.yml`),
    );
    assertEquals([name, Object.keys(services), Object.keys(volumes)], [
      "page-counts",
      ["kafka"],
      ["kafka"],
    ]);
    const flow = await Deno.readTextFile(`${directory}/flow.ts`);
    assertStringIncludes(flow, '"page-counts.visits"');
    await assertRejects(() => newProject(directory), NewProjectError, "not empty");
    await assertRejects(
      () => newProject(`${parent}/Page Counts`),
      NewProjectError,
      "small letters",
    );
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
});
