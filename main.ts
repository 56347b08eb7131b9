/** The command line: one subcommand a job. It parses, runs, and turns errors into exit codes; see `src/cli`. */
import { runCli } from "./src/cli/run_cli.ts";

if (import.meta.main) Deno.exit(await runCli(Deno.args));
