/** Reads an order out of a record of the orders topic or of its dead letters. The one reading that all parts share. */
import {
  PoisonError,
  type RecordContent,
  topic,
  type TopicContractOptions,
} from "../../engine/mod.ts";
import { type OrderPlaced, orderPlaced } from "./events.ts";

/** What makes a record an order: a value that is an {@linkcode OrderPlaced}, and its `order_id` as the key. Whose it is stays out of texts. */
export const orderReading: TopicContractOptions<OrderPlaced> = {
  read: orderPlaced,
  key: (order) => order.order_id,
  checkKey: true,
  personal: { fields: ["user_id"] },
};

/** Whatever the topic is called: only its values are read here. */
const orders = topic("orders", orderReading);

/** The order in a record; undefined where there is none. */
export function readOrder(record: RecordContent): OrderPlaced | undefined {
  const order = orderOrProblem(record);
  return typeof order === "string" ? undefined : order;
}

/** Why a record holds no order, in words; undefined where it holds one. */
export function orderProblem(record: RecordContent): string | undefined {
  const order = orderOrProblem(record);
  return typeof order === "string" ? order : undefined;
}

function orderOrProblem(record: RecordContent): OrderPlaced | string {
  try {
    return orders.decode(record);
  } catch (error) {
    if (error instanceof PoisonError) return error.message;
    throw error;
  }
}
