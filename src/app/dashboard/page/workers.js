/** Shows who works on which partitions, what waits in them, and how long orders take. */
import { byId, make, setRows, setText } from "./dom.js";
import { formatCount, formatSeconds } from "./format.js";
import { calmRecords, mark } from "./pipeline.js";

/** What the coordinator's words for a group mean here. */
const states = new Map([
  ["PreparingRebalance", "the group shares its partitions out"],
  ["CompletingRebalance", "the group shares its partitions out"],
]);

/** @param {import("../dashboard_data.ts").DashboardData} data */
export function showWorkers({ workers, latency }) {
  mark("workers", workers);
  mark("latency", latency);
  if (workers.known) showGroup(workers.value);
  if (latency.known) showLatency(latency.value);
}

/** @param {import("../dashboard_data.ts").Workers} workers */
function showGroup({ state, members, unowned }) {
  const count = members.length === 1 ? "1 in the group" : `${members.length} in the group`;
  setText(byId("workers-state"), states.get(state) ?? count);
  const missing = missingText(members.length, unowned);
  byId("workers-missing").hidden = missing === "";
  setText(byId("workers-missing"), missing);
  setRows(byId("workers"), members, memberRow);
}

/**
 * @param {number} members
 * @param {readonly import("../dashboard_data.ts").PartitionLag[]} unowned
 */
function missingText(members, unowned) {
  if (members === 0) return "No worker is in the group: orders wait on their topic until one runs.";
  if (unowned.length === 0) return "";
  const places = unowned.map(({ partition }) => partition).join(", ");
  const waiting = unowned.reduce((sum, { records }) => sum + records, 0);
  return `Nobody has partition ${places} at this moment; ${
    formatCount(waiting)
  } records wait there.`;
}

/** @param {import("../dashboard_data.ts").Workers["members"][number]} member */
function memberRow({ member, client, host, partitions }) {
  const waiting = partitions.reduce((sum, { records }) => sum + records, 0);
  const chips = make("ul", { className: "chips", children: partitions.map(partitionChip) });
  return make("tr", {
    children: [
      make("th", { text: nameOf(client, member), title: member }),
      make("td", { className: "wide", text: host }),
      make("td", { children: [partitions.length === 0 ? make("span", { text: "none" }) : chips] }),
      make("td", { className: "number", text: formatCount(waiting) }),
    ],
  });
}

/** @param {import("../dashboard_data.ts").PartitionLag} lag */
function partitionChip({ partition, records }) {
  const chip = make("li", {
    className: records > calmRecords ? "chip late" : "chip",
    children: [make("span", { className: "hidden", text: "partition " })],
  });
  chip.append(String(partition));
  if (records > 0) {
    chip.append(make("span", { className: "hidden", text: ", waiting: " }));
    chip.append(make("span", { className: "waits", text: formatCount(records) }));
  }
  return chip;
}

/**
 * The client's name with the end of the member's, which tells two processes of one name apart.
 * @param {string} client
 * @param {string} member
 */
function nameOf(client, member) {
  return `${client} …${member.slice(-6)}`;
}

/** @param {import("../dashboard_data.ts").Latency} latency */
function showLatency({ orders, invoiced, p50_seconds, p95_seconds, max_seconds }) {
  setText(byId("latency-p50"), timeOf(p50_seconds));
  setText(byId("latency-p95"), timeOf(p95_seconds));
  setText(byId("latency-max"), timeOf(max_seconds));
  const of = `${formatCount(invoiced)} of ${formatCount(orders)}`;
  setText(byId("latency-of"), orders === 0 ? "–" : of);
}

/** @param {number | null} seconds */
function timeOf(seconds) {
  return seconds === null ? "–" : formatSeconds(seconds);
}
