/** The names by which the checker finds the pipeline. Holds no defaults: the composition root fills them in. */

/** The names of the pipeline's parts. */
export interface PipelineNames {
  readonly ordersTopic: string;
  readonly invoicesTopic: string;
  readonly deadLettersTopic: string;
  readonly cursorTopic: string;
  readonly relayGroup: string;
  readonly invoicingGroup: string;
  readonly redriveGroup: string;
  readonly projection: string;
}
