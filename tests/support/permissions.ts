/** What the programs that the tests start may do: Deno's permission flags, as narrow as they work. */
import { postgresBinaries } from "../../src/tools/stack/postgres_binaries.ts";

/** The programs that the embedded stack runs. An absolute path that does not exist here is passed over in silence. */
export function stackPrograms(): string[] {
  const { initdb, postgres, pgCtl } = postgresBinaries();
  return [
    ...["java", "mvn"],
    ...["/bin/kill", "/bin/cat", "/bin/ps", "/usr/bin/setpriv", "/usr/bin/ss", "/usr/bin/lsof"],
    ...[initdb, postgres, pgCtl],
  ];
}

/** For a program that starts and stops the embedded stack in `.onceflow`, run from the checkout. */
export function stackFlags(): string[] {
  return [
    "--allow-net=127.0.0.1",
    "--allow-read",
    "--allow-write=.onceflow",
    "--allow-env=NODE_V8_COVERAGE",
    "--allow-sys=uid",
    `--allow-run=${stackPrograms().join(",")}`,
  ];
}
