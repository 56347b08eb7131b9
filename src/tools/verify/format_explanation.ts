/** An order's explanation as text for people. Gathers nothing. */
import { oneLine } from "../../engine/core/plain_text.ts";
import type { Horizon } from "../../engine/outbox/horizon.ts";
import type { OrderExplanation } from "./explain_order.ts";
import { formatHistory } from "./order_history.ts";

/** Where the order is, why, and its whole history. */
export function formatExplanation(explanation: OrderExplanation): string {
  const { order_id, standing, history, horizon } = explanation;
  if (standing.stage === "unknown") {
    return oneLine(`Order ${order_id} is unknown: ${standing.because}.`);
  }
  const lines = [oneLine(`Order ${order_id}: ${standing.stage}. ${sentence(standing.because)}`)];
  if (horizon !== null) lines.push(oneLine(formatHorizon(horizon)));
  lines.push("", formatHistory(history));
  return lines.join("\n");
}

/** Who holds the outbox back, or what else may be the reason. */
export function formatHorizon({ ageMs, holder }: Horizon): string {
  if (holder === undefined) {
    return "No open transaction holds the outbox back: the relay is behind, or not running (`deno task worker`).";
  }
  const age = `${(ageMs / 1000).toFixed(1)} s`;
  if (holder.kind === "prepared") {
    return `The relay waits for the prepared transaction ${holder.gid} (database ${holder.database}, user ${holder.user}), ` +
      `open for ${age}: COMMIT PREPARED or ROLLBACK PREPARED '${holder.gid}' lets it go on.`;
  }
  const who = holder.applicationName || "an unnamed application";
  return `The relay waits for process ${holder.pid} (${who}, database ${holder.database}, user ${holder.user}), ` +
    `${holder.state}, whose transaction has been open for ${age}. Its query: ${
      holder.query.replaceAll(/\s+/g, " ").trim() || "(hidden by Postgres)"
    }`;
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1) + (text.endsWith(".") ? "" : ".");
}
