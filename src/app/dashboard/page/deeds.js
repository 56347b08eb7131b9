/** What can be done on the page, in words: what it would do, how far it is, what came of it. */
import { byId } from "./dom.js";
import { formatCount } from "./format.js";
import { operate } from "./operate.js";

/** Makes the buttons work that are always there. */
export function startDeeds() {
  byId("unpark").addEventListener("click", unparkAll);
  byId("rebuild").addEventListener("click", rebuildView);
}

/**
 * Sends dead letters back: those of a selection as `POST /operate/dead-letters/redrive` takes it.
 * @param {string} title
 * @param {Record<string, unknown>} selection
 */
export function redrive(title, selection) {
  operate({
    title,
    path: "/operate/dead-letters/redrive",
    body: selection,
    foresee: ({ redriven, skipped, refused, by_topic, reasons }) => ({
      what: redriven === 0
        ? `Nothing would go back. Sent back before: ${formatCount(skipped)}. ${cannot(refused)}`
        : `${letters(redriven)} would go back (${
          topicsOf(by_topic)
        }), with the same key and bytes, to be ` +
          "worked on again by the group that gave them up. Every other consumer of the topic sees them again. " +
          `Sent back before, so left alone: ${formatCount(skipped)}. ${cannot(refused)}`,
      notes: reasons,
      amount: redriven,
      go: `Send ${letters(redriven)} back`,
    }),
    tell: ({ redriven, refused, doubt }) => ({
      text: `${letters(redriven)} sent back. ${cannot(refused)}` +
        (doubt === undefined ? "" : ` Looking up what became of the last ones: ${doubt}`),
      done: redriven,
    }),
    conclude: ({ redriven, skipped, refused, by_topic, reasons }) => ({
      what:
        `Done: ${letters(redriven)} sent back${redriven > 0 ? ` (${topicsOf(by_topic)})` : ""}. ` +
        `Sent back before, so left alone: ${formatCount(skipped)}. ${cannot(refused)}`,
      notes: reasons,
    }),
  });
}

/** @param {number} count */
function letters(count) {
  return `${formatCount(count)} dead letter${count === 1 ? "" : "s"}`;
}

/** @param {Record<string, number>} byTopic */
function topicsOf(byTopic) {
  return Object.entries(byTopic).map(([topic, count]) => `${formatCount(count)} to ${topic}`)
    .join(", ");
}

/** @param {number} refused */
function cannot(refused) {
  return refused === 0 ? "" : `Cannot go back, so still pending: ${formatCount(refused)}.`;
}

/** @param {number} count */
function parkedKeys(count) {
  return `${formatCount(count)} key${count === 1 ? "" : "s"}`;
}

/** @param {number} count */
function records(count) {
  return `${formatCount(count)} record${count === 1 ? "" : "s"}`;
}

function unparkAll() {
  operate(unparking("Parked keys", { all: true }));
}

/**
 * Those of a selection as `POST /operate/parked-keys/unpark` takes it.
 * @param {string} title
 * @param {Record<string, unknown>} selection
 * @returns {import("./operate.js").Deed}
 */
function unparking(title, selection) {
  return {
    title,
    path: "/operate/parked-keys/unpark",
    body: selection,
    foresee: ({ count, waiting, keys }) => ({
      what: count === 0
        ? "No key is parked: no record waits behind a dead letter of its key."
        : `${parkedKeys(count)} wait${count === 1 ? "s" : ""} behind a dead letter, with ${
          records(waiting)
        }. They would be sent back in their order, round by round, until the key is free; a key whose ` +
          "first record fails again stays parked.",
      notes: keys.map((/** @type {any} */ each) => {
        const { key, key_hex, group, topic, partition, since_offset } = each;
        const text = `${key}: ${
          records(each.waiting)
        } since ${topic}-${partition} offset ${since_offset}, of ${group}`;
        return keys.length === 1 ? text : {
          text,
          choose: `Only ${key} …`,
          deed: unparking(`Unpark ${key}`, { key_hex, group, topic }),
        };
      }),
      amount: waiting,
      go: `Unpark ${parkedKeys(count)}`,
    }),
    tell: ({ redriven }) => ({ text: `${records(redriven)} sent back`, done: redriven }),
    conclude: ({ count, keys }) => ({
      what: `Done with ${parkedKeys(count)}.`,
      notes: keys.map((/** @type {any} */ each) => `${each.key}: ${each.sentence}`),
    }),
  };
}

function rebuildView() {
  operate({
    title: "Rebuild the read model",
    path: "/operate/read-model/rebuild",
    body: {},
    foresee: ({ projection, version, installed_version, offsets, tables, findings }) => ({
      what:
        `${projection} would be built anew from the log: ${
          formatCount(offsets)
        } offsets are replayed into tables ` +
        `beside the live ones, which are then swapped in. Readers and workers go on meanwhile; stopped before the ` +
        `swap, it changes nothing. The live tables have version ${installed_version ?? "none"}, ` +
        `the new ones version ${version}.`,
      notes: [
        ...tables.map((/** @type {any} */ { name, rows }) =>
          `${name}: ${formatCount(rows)} rows now`
        ),
        ...findings,
      ],
      amount: Math.max(1, offsets),
      go: "Rebuild it",
    }),
    tell: ({ phase, pass, offsets_done, offsets_total }) => ({
      text: phase === "swap"
        ? "Swapping the new tables in"
        : `Round ${pass}: ${formatCount(offsets_done)} of ${
          formatCount(offsets_total)
        } offsets replayed`,
      done: offsets_done,
    }),
    conclude: ({ events, partitions, elapsed_ms, kept = [] }) => ({
      what:
        `Done: ${formatCount(events)} events of ${formatCount(partitions)} partitions folded in ` +
        `${(elapsed_ms / 1000).toFixed(1)} s, and swapped in.`,
      notes: kept.length === 0
        ? []
        : [`Kept of what was added to the live tables: ${kept.join(", ")}`],
    }),
  });
}
