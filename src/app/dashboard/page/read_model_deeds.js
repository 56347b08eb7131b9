/** What can be done with the read model on the page: built anew, compared, put back, dropped. */
import { formatCount, formatTime } from "./format.js";
import { operate } from "./operate.js";

/** @typedef {import("./operate.js").Deed} ViewDeed */

/** Asks before it builds it anew. */
export function rebuildView() {
  operate(rebuilding());
}

/** Shows what a rebuild has kept, to put it back or to drop it. */
export function lookAtOldTables() {
  operate(rollingBack());
}

/** @returns {ViewDeed} */
function rebuilding() {
  return {
    title: "Rebuild the read model",
    path: "/operate/read-model/rebuild",
    body: {},
    pace: "records_per_second",
    foresee: (seen) => ({
      what:
        `${
          replayed(seen)
        }, which are then swapped in. Readers and workers go on meanwhile; stopped before the ` +
        `swap, it changes nothing. The live tables have version ${
          seen.installed_version ?? "none"
        }, ` +
        `the new ones version ${seen.version}. The tables that it replaces are kept; what an earlier rebuild has ` +
        "kept is dropped.",
      notes: [
        ...seen.tables.map((/** @type {any} */ { name, rows }) =>
          `${name}: ${formatCount(rows)} rows now`
        ),
        ...seen.findings,
        {
          text: "How the new tables differ from the live ones can be seen first.",
          choose: "Only compare …",
          deed: comparing(),
        },
      ],
      amount: Math.max(1, seen.offsets),
      go: "Rebuild it",
    }),
    tell: replaying,
    conclude: ({ events, partitions, elapsed_ms, kept = [], old }) => ({
      what:
        `Done: ${formatCount(events)} events of ${formatCount(partitions)} partitions folded in ` +
        `${seconds(elapsed_ms)}, and swapped in.`,
      notes: [
        ...kept.length === 0
          ? []
          : [`Kept of what was added to the live tables: ${kept.join(", ")}`],
        ...old === undefined ? [] : [`The way back: ${tablesText(old)}`],
      ],
    }),
  };
}

/** @returns {ViewDeed} */
function comparing() {
  return {
    title: "Compare the read model with the log",
    path: "/operate/read-model/rebuild",
    body: { stop_before_swap: true },
    pace: "records_per_second",
    foresee: (seen) => ({
      what: `${
        replayed(seen)
      }, compared with these row by row, and dropped again. Nothing is swapped.`,
      amount: Math.max(1, seen.offsets),
      go: "Compare",
    }),
    tell: replaying,
    conclude: ({ comparison }) => ({
      what: comparison.is_same ? "Nothing differs." : "The tables differ. Nothing was changed.",
      notes: [
        ...comparison.tables.flatMap(differences),
        ...comparison.is_same ? [] : [{
          text: "A rebuild puts the new tables in the place of the live ones.",
          choose: "Rebuild the read model …",
          deed: rebuilding(),
        }],
      ],
    }),
  };
}

/** @returns {ViewDeed} */
function rollingBack() {
  return {
    title: "Tables that a rebuild has kept",
    path: "/operate/read-model/rollback",
    body: {},
    foresee: ({ old, version, installed_version }) => {
      if (old === null) {
        return { what: "No old tables are kept: there is nothing to go back to.", ...nothing };
      }
      const fits = old.version === version;
      return {
        what: `${tablesText(old)} They are ${formatCount(old.behind ?? 0)} offsets behind. ` +
          (fits
            ? "To go back, what came meanwhile is folded into them, then they are exchanged with the live ones " +
              `(version ${installed_version}), which are kept in their turn.`
            : `Only the program of version ${old.version} can go back to them; this one is of ${version}.`),
        notes: [{
          text: "When they are not needed any more, they can be dropped.",
          choose: "Drop them …",
          deed: dropping(),
        }],
        amount: fits ? Math.max(1, old.behind ?? 0) : 0,
        go: "Go back to them",
      };
    },
    tell: replaying,
    conclude: ({ version, replaced_version, events, elapsed_ms }) => ({
      what:
        `Done: the old tables are live again (version ${replaced_version} to ${version}) after ` +
        `${seconds(elapsed_ms)}; ${formatCount(events)} events that came meanwhile were folded in.`,
    }),
  };
}

/** @returns {ViewDeed} */
function dropping() {
  return {
    title: "Drop the old tables",
    path: "/operate/read-model/drop-old",
    body: {},
    foresee: ({ old }) =>
      old === null ? { what: "No old tables are kept.", ...nothing } : {
        what: `${tablesText(old)} There is no way back to them then.`,
        amount: 1,
        go: "Drop them",
      },
    tell: () => ({ text: "Dropping them", done: 0 }),
    conclude: ({ dropped }) => ({
      what: dropped === null
        ? "No old tables are kept."
        : `Dropped: ${dropped.tables.join(", ")} of version ${dropped.version}.`,
    }),
  };
}

const nothing = { amount: 0, go: "" };

/** @param {{ projection: string, offsets: number }} seen */
function replayed({ projection, offsets }) {
  return `${projection} would be built anew from the log: ${
    formatCount(offsets)
  } offsets are replayed into tables beside the live ones`;
}

/** @param {any} progress */
function replaying({ phase, pass, offsets_done, offsets_total }) {
  return {
    text: phase === "swap"
      ? "Swapping the new tables in"
      : `Round ${pass}: ${formatCount(offsets_done)} of ${
        formatCount(offsets_total)
      } offsets replayed`,
    done: offsets_done,
  };
}

/** @param {any} old */
function tablesText({ version, tables, bytes, kept_at }) {
  return `${tables.join(", ")} of version ${version} (${(bytes / 1e6).toFixed(1)} MB), replaced ${
    formatTime(kept_at)
  }, are kept.`;
}

/** @param {any} table */
function differences(table) {
  const { columns_only_live, columns_only_new, rows } = table;
  const counts = [
    `${formatCount(table.changed)} changed`,
    `${formatCount(table.only_live)} only live`,
    `${formatCount(table.only_new)} only new`,
  ];
  return [
    `${table.table}: ${formatCount(table.rows_live)} rows live, ${
      formatCount(table.rows_new)
    } new; ${counts.join(", ")}`,
    ...columnsText("live", columns_only_live),
    ...columnsText("new", columns_only_new),
    ...rows.map(differenceText),
  ];
}

/**
 * @param {string} where
 * @param {readonly string[]} columns
 */
function columnsText(where, columns) {
  return columns.length === 0 ? [] : [`Columns only ${where}, not compared: ${columns.join(", ")}`];
}

/** @param {any} row */
function differenceText({ kind, key, columns }) {
  const values = columns.map((/** @type {any} */ { column, live, new: now }) =>
    kind === "changed"
      ? `${column} ${live ?? "NULL"} → ${now ?? "NULL"}`
      : `${column} ${(kind === "only live" ? live : now) ?? "NULL"}`
  );
  return `${kind}${key === null ? "" : ` ${key}`}: ${values.join(", ")}`;
}

/** @param {number} ms */
function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}
