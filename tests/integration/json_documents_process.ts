/** Runs command lines one after the other in one process, as `main.ts` does, and tells what each printed on stdout. */
import { runCli } from "../../src/cli/run_cli.ts";

const tell = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
const lines: readonly string[][] = JSON.parse(Deno.args[0] ?? "[]");
for (const args of lines) {
  const printed: string[] = [];
  console.log = (text: string) => void printed.push(text);
  const startedAt = performance.now();
  const code = await runCli(args);
  const ms = Math.round(performance.now() - startedAt);
  tell(JSON.stringify({ args, code, stdout: printed.join("\n"), ms }));
}
Deno.exit(0);
