/** What can be done on the page, in words: what it would do, how far it is, what came of it. */
import { byId } from "./dom.js";
import { formatCount } from "./format.js";
import { operate } from "./operate.js";
import { lookAtOldTables, rebuildView } from "./read_model_deeds.js";

/** Makes the buttons work that are always there. */
export function startDeeds() {
  byId("unpark").addEventListener("click", unparkAll);
  byId("rebuild").addEventListener("click", rebuildView);
  byId("old-tables").addEventListener("click", lookAtOldTables);
}

/**
 * Sends dead letters back: those of a selection as `POST /operate/dead-letters/redrive` takes it.
 * @param {string} title
 * @param {Record<string, unknown>} selection
 */
export function redrive(title, selection) {
  operate(redriving(title, selection));
}

/**
 * @param {string} title
 * @param {Record<string, unknown>} selection
 * @returns {import("./operate.js").Deed}
 */
function redriving(title, selection) {
  return {
    title,
    path: "/operate/dead-letters/redrive",
    body: selection,
    pace: "per_second",
    foresee: ({ redriven, again, skipped, refused, missing, by_topic, other_groups, reasons }) => ({
      what: redriven === 0
        ? `Nothing would go back. ${leftAlone(skipped)}${cannot(refused)}${notThere(missing)}`
        : `${letters(redriven)} would go back (${
          topicsOf(by_topic)
        }), with the same key and bytes, to be ` +
          "worked on again by the group that gave them up. " +
          `${onceMore(again)}${leftAlone(skipped)}${cannot(refused)}${notThere(missing)}`,
      notes: [
        ...otherReaders(other_groups),
        ...reasons,
        ...skipped === 0 ? [] : [{
          text: "What was sent back before may have been processed since.",
          choose: "Send that once more, too …",
          deed: redriving(`${title}, once more`, { ...selection, again: true }),
        }],
      ],
      amount: redriven,
      go: `Send ${letters(redriven)} back`,
    }),
    tell: ({ redriven, refused, doubt }) => ({
      text: `${letters(redriven)} sent back. ${cannot(refused)}` +
        (doubt === undefined ? "" : ` Looking up what became of the last ones: ${doubt}`),
      done: redriven,
    }),
    conclude: (
      { redriven, skipped, refused, removed, missing, by_topic, other_groups, reasons },
    ) => ({
      what:
        `Done: ${letters(redriven)} sent back${redriven > 0 ? ` (${topicsOf(by_topic)})` : ""}. ` +
        leftAlone(skipped) + cannot(refused) + notThere(missing) +
        (removed === 0 ? "" : `Removed by retention before: up to ${formatCount(removed)}.`),
      notes: [...otherReaders(other_groups), ...reasons],
    }),
  };
}

/** @param {number} again */
function onceMore(again) {
  return again === 0
    ? ""
    : `${formatCount(again)} of them were sent back before: where they were processed then, ` +
      "that is done a second time. ";
}

/** @param {number} skipped */
function leftAlone(skipped) {
  return `Sent back before, so left alone: ${formatCount(skipped)}. `;
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
  return refused === 0 ? "" : `Cannot go back, so still pending: ${formatCount(refused)}. `;
}

/** @param {number} missing */
function notThere(missing) {
  return missing === 0
    ? ""
    : `Named, and not there, or not what else was asked for: ${formatCount(missing)}. `;
}

/**
 * A line for each topic that is read by groups which these records are not for.
 * @param {readonly { topic: string, groups: readonly string[] }[] | null} found null where it could not be asked; a reason says why
 */
function otherReaders(found) {
  return (found ?? []).filter(({ groups }) => groups.length > 0).map(({ topic, groups }) =>
    `Other groups that read ${topic}: ${named(groups)}. Flows of onceflow pass over what is for ` +
    "another group; any other consumer sees these records again."
  );
}

const namedMax = 10;

/** @param {readonly string[]} names */
function named(names) {
  const more = names.length - namedMax;
  return names.slice(0, namedMax).join(", ") + (more > 0 ? ` and ${formatCount(more)} more` : "");
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
    pace: "per_second",
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
