/**
 * Which test files run, in which order, and what may run beside what. It starts nothing.
 *
 * Each track works on its directories in order; one that has finished takes from another track, so that all end at about
 * the same time.
 */
import { root } from "./services.ts";

/** Test files of one directory that one process runs. */
export interface Portion {
  /** A directory of `tests`. */
  readonly directory: string;
  /** Paths from the checkout on. */
  readonly files: readonly string[];
}

/** Directories by track. Tests of `cluster` bring clusters of their own and mostly wait for them. */
const tracks = [["integration"], ["cluster"], ["unit", "example", "browser"]];
/** How many files a process runs, about a minute's work; all of the directory where nothing is said. */
const filesPerPortion: Record<string, number> = { integration: 5, cluster: 1 };

/** Hands out the files whose path has one of the words in it, all where there are no words. */
export class TestQueue {
  readonly #left: Portion[][];

  constructor(words: readonly string[]) {
    this.#left = tracks.map((track) =>
      track.flatMap((directory) => portions(directory, testFiles(directory, words)))
    );
  }

  /** The tracks that have work at the beginning. */
  get tracks(): number[] {
    return this.#left.keys().toArray();
  }

  /** All that has not been taken. */
  get left(): Portion[] {
    return this.#left.flat();
  }

  /** The next for a track: its own, or else of the track with the most left. Undefined when all are taken. */
  take(track: number): Portion | undefined {
    const fullest = this.#left.reduce((most, other) => other.length > most.length ? other : most);
    return this.#left[track]?.shift() ?? fullest.shift();
  }
}

function portions(directory: string, files: string[]): Portion[] {
  const most = filesPerPortion[directory] ?? Infinity;
  const found: Portion[] = [];
  for (let at = 0; at < files.length; at += most) {
    found.push({ directory, files: files.slice(at, at + most) });
  }
  return found;
}

function testFiles(directory: string, words: readonly string[]): string[] {
  const found: string[] = [];
  const walk = (path: string, deep = true) => {
    for (const entry of Deno.readDirSync(`${root}${path}`)) {
      const inside = `${path}/${entry.name}`;
      if (entry.isDirectory && deep) walk(inside);
      else if (entry.name.endsWith("_test.ts")) found.push(inside);
    }
  };
  if (directory === "unit") walk("tests", false); // the tidy test
  walk(`tests/${directory}`);
  return found.filter((path) => words.length === 0 || words.some((word) => path.includes(word)))
    .sort();
}
