/**
 * Lets a refusal say which request it answers, and a coordinator's look-up say why it failed.
 *
 * kafkajs's errors carry the protocol's code alone, which for a missing permission is half of what a person needs. And its
 * cluster swallows every error of FindCoordinator: what was a missing permission, or a topic of Kafka's own that cannot be
 * made, arrives as "Failed to find group coordinator".
 */
import { clusterClass, connectionClass, type VendorBroker, type VendorCluster } from "../vendor.ts";

const marker = Symbol.for("onceflow.namedErrors");

/** What this patch adds to an error of the protocol. */
export interface NamedError {
  /** The request's name in Kafka's protocol guide, such as `Produce`. */
  apiName?: string;
}

export function patchNamedErrors(): void {
  const { prototype } = connectionClass();
  if (marker in prototype) return;
  const { send } = prototype;
  prototype.send = async function (protocol) {
    try {
      return await send.call(this, protocol);
    } catch (error) {
      if (error instanceof Error && "type" in error) {
        (error as NamedError).apiName ??= protocol.request.apiName;
      }
      throw error;
    }
  };
  Object.defineProperty(prototype, marker, { value: true });
  clusterClass().prototype.findGroupCoordinatorMetadata = findCoordinator;
}

/** A broker, as this looks at it. */
type AskedBroker = VendorBroker & {
  findGroupCoordinator(
    options: { groupId: string; coordinatorType: number },
  ): Promise<{ coordinator: { nodeId: number } }>;
};

/** Asks one broker after the other, as the original does; rejects with what the last of them said. */
async function findCoordinator(
  this: VendorCluster,
  options: { groupId: string; coordinatorType: number },
): Promise<unknown> {
  let last: unknown = Object.assign(new Error("No brokers in the broker pool"), {
    name: "KafkaJSBrokerNotFound",
  });
  for (const nodeId of this.getNodeIds()) {
    try {
      const broker = await this.findBroker({ nodeId: Number(nodeId) }) as AskedBroker;
      return await broker.findGroupCoordinator(options);
    } catch (error) {
      last = error;
      // A refusal is the cluster's own: the next broker says the same.
      if (error instanceof Error && /AUTHORIZATION_FAILED/.test(typeOf(error))) throw error;
    }
  }
  throw last;
}

function typeOf(error: Error): string {
  return "type" in error ? String(error.type) : "";
}
