/** What the parts of the pipeline are called, for whoever reads it from outside. */
import type { Config } from "../../config.ts";
import { viewsOf } from "./prepare_schema.ts";
import { groupsOf } from "./roles.ts";

/** What the parts of the pipeline are called under these settings. */
export function pipelineNames(config: Config) {
  const { relay, invoicing, redrive } = groupsOf(config);
  return {
    ordersTopic: config.ORDERS_TOPIC,
    invoicesTopic: config.INVOICES_TOPIC,
    deadLettersTopic: config.DEAD_LETTERS_TOPIC,
    cursorTopic: config.OUTBOX_CURSOR_TOPIC,
    relayGroup: relay,
    invoicingGroup: invoicing,
    redriveGroup: redrive,
    projection: viewsOf(config).name,
  };
}
