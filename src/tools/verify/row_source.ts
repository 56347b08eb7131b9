/** Which rows of Postgres a check reads. */

/** What to read: the outbox rows of this topic, and the projection of this name. */
export interface RowSource {
  readonly ordersTopic: string;
  readonly projection: string;
  /** Only what concerns this order; totals of customers are left out then. */
  readonly orderId?: string;
}
