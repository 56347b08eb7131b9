/** What the parts of the pipeline are called, for whoever reads it from outside. */
import type { Config } from "../../config.ts";
import { redriveGroup } from "../../engine/dead_letters/redrive_state.ts";
import { invoicingGroup } from "../orders/invoicing.ts";
import { viewsOf } from "./prepare_schema.ts";
import { relayGroup } from "./roles.ts";

/** What the parts of the pipeline are called under these settings. */
export function pipelineNames(config: Config) {
  return {
    ordersTopic: config.ORDERS_TOPIC,
    invoicesTopic: config.INVOICES_TOPIC,
    deadLettersTopic: config.DEAD_LETTERS_TOPIC,
    cursorTopic: config.OUTBOX_CURSOR_TOPIC,
    relayGroup,
    invoicingGroup,
    redriveGroup,
    projection: viewsOf(config).name,
  };
}
