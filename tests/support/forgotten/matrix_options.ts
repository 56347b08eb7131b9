/** The words of `deno task forgotten`. */
import { Command, InvalidArgumentError } from "commander";
import { type Step, steps } from "./role.ts";
import { type End, ends } from "./try_roles.ts";

/** Who works on the cluster; producers that are not ours write for the last two. */
export const roleNames = ["flow", "relay", "redrive", "reader", "projector"] as const;
export type RoleName = (typeof roleNames)[number];

const coordinators = ["1", "2"] as const;

/** What is tried. */
export interface MatrixOptions {
  readonly kafka: readonly string[];
  readonly coordinator: readonly (typeof coordinators)[number][];
  readonly roles: readonly RoleName[];
  readonly steps: readonly Step[];
  readonly ends: readonly End[];
  /** The file that the log is appended to. */
  readonly log?: string;
}

const help = `
Each round kills a node of two, with replication 1, in the middle of a transaction of each role, lets
those transactions end meanwhile, starts the node again, and compares what comes out with what went
in. All of it is some five minutes a version.

Exit code 0: all is right; 1: something is not, or could not be tried; 2: wrong use.`;

/** Parses them: throws a CommanderError for wrong use, which has been said then, and for `--help`. */
export function matrixCommand(): Command {
  return new Command("deno task forgotten")
    .description(
      "Kill a node in the middle of a transaction of each role, on the versions of Kafka that are named.",
    )
    .option("--kafka <versions>", "versions of Kafka, with commas", parseVersions, [
      ...["4.2.2", "4.3.1"],
    ])
    .option(
      "--coordinator <nodes>",
      "the transactions' coordinator: 1 stays, 2 dies",
      listOf(coordinators),
      [...coordinators],
    )
    .option("--roles <names>", `of ${roleNames.join(", ")}`, listOf(roleNames), [...roleNames])
    .option("--steps <names>", `the node dies ${steps.join(", ")}`, listOf(steps), [...steps])
    .option("--ends <names>", `how it ends meanwhile: ${ends.join(", ")}`, listOf(ends), [...ends])
    .option("--log <file>", "append the log to this file")
    .addHelpText("after", help)
    .exitOverride();
}

/** Some of these words, each once. */
function listOf<T extends string>(known: readonly T[]): (text: string) => readonly T[] {
  return (text) => {
    const words = [...new Set(text.split(","))];
    return words.map((word) => {
      const found = known.find((name) => name === word);
      if (found !== undefined) return found;
      throw new InvalidArgumentError(`"${word}" is none of ${known.join(", ")}.`);
    });
  };
}

function parseVersions(text: string): readonly string[] {
  const versions = text.split(",");
  if (versions.every((version) => /^\d+\.\d+\.\d+$/.test(version))) return versions;
  throw new InvalidArgumentError("Give versions of Kafka, such as 3.9.1,4.2.2.");
}
