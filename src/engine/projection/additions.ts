/** What others have added to live tables, and how it is kept when a rebuild's tables take their place. Drops nothing. */
import { DependencyDownError, HaltError, TransientError } from "../core/errors.ts";
import { translateError } from "../postgres/translate_error.ts";
import type { Tx } from "../postgres/sql.ts";
import type { TablePiece } from "./describe_tables.ts";

/** Who may see the tables, and whose they are: kept in any case, even what the tables were made with. */
const alwaysKept = new Set(["owner", "grant", "publication", "security label"]);

/** What a new version of a projection shapes anew, by its own statements. */
const shape = new Set([
  "column",
  "statistics target",
  "column option",
  "storage of column",
  "compression of column",
  "storage setting",
  "unlogged storage",
  "index",
  "constraint",
]);

/** What is to be done to the new tables. */
export interface Additions {
  /** Pieces of the live tables to be made on the new ones. */
  readonly kept: readonly TablePiece[];
  /** Those that no statement can make again: the swap must not happen while they are there. */
  readonly lost: readonly TablePiece[];
  /**
   * What the new tables have and the live ones have not, of what lets people see rows, hides rows from them or acts on
   * writes: grants (by default privileges, most often), and what was taken off the live tables since old ones were kept.
   */
  readonly taken: readonly TablePiece[];
}

/** What is known of how the tables were made. */
export interface Origin {
  /** The pieces of the tables that the rebuild has made, as its statements left them; of the old tables in a rollback. */
  readonly fresh: readonly TablePiece[];
  /** Identities of those of them that the projection's own statements made; all of them where undefined. */
  readonly own?: ReadonlySet<string>;
  /** Identities of the pieces that the live tables were made with; undefined where nobody noted them. */
  readonly made: ReadonlySet<string> | undefined;
  /** The live tables are of the rebuild's own version. */
  readonly sameVersion: boolean;
}

/** Compares the live tables with what they were made as, and with what takes their place. */
export function additionsOf(
  live: readonly TablePiece[],
  { fresh, own, made, sameVersion }: Origin,
): Additions {
  const there = new Set(fresh.map(({ identity }) => identity));
  const here = new Set(live.map(({ identity }) => identity));
  const added = live.filter(({ identity, kind }) => {
    if (there.has(identity)) return false;
    if (alwaysKept.has(kind) || made === undefined) {
      // Without a note the old version's own columns and indexes look like somebody's additions.
      return sameVersion || !shape.has(kind);
    }
    return !made.has(identity);
  });
  return {
    kept: added.filter(({ statement }) => statement !== null),
    lost: added.filter(({ statement }) => statement === null),
    taken: fresh.filter(({ identity, kind, undo }) =>
      undo !== null && !here.has(identity) &&
      (kind === "grant" || (own !== undefined && !own.has(identity)))
    ),
  };
}

/**
 * Makes the additions on the new tables, which have the names of the live ones by now.
 *
 * @throws {HaltError} listing what could not be made, with the reasons
 */
export async function keepAdditionsInTransaction(
  tx: Tx,
  name: string,
  { kept, lost }: Additions,
): Promise<void> {
  const failed = lost.map(({ title }) => title);
  for (const { title, statement } of kept) {
    if (statement === null) continue;
    try {
      await tx.savepoint((step) => step.unsafe(statement));
    } catch (error) {
      const translated = translateError(error);
      if (translated instanceof DependencyDownError || translated instanceof TransientError) {
        throw error;
      }
      failed.push(`${title} (${error instanceof Error ? error.message : error})`);
    }
  }
  if (failed.length > 0) throw lossError(name, failed);
}

/** What is said when the exchange would lose something. */
export function lossError(name: string, lost: readonly string[]): HaltError {
  return new HaltError(
    `Cannot put other tables in the place of the live ones of ${name}: what was added to those would be lost, or ` +
      `other objects depend on it:\n${lost.map((one) => `  - ${one}`).join("\n")}\n` +
      "The live tables are as they were. Take these away, run this again, and make them anew afterwards",
  );
}
