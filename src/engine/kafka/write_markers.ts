/** WriteTxnMarkers version 1 (API 27): what a coordinator sends to end a transaction in a partition. Needs ALTER on the cluster. */
import type { TopicPartition } from "../core/record.ts";
import { WireReader } from "./codec/wire_reader.ts";
import { protocolErrorType } from "./error_verdict.ts";
import { fetchClusterMap } from "./cluster_map.ts";
import { flexibleProtocol } from "./raw_protocol.ts";
import type { Outcome } from "./transaction_outcome.ts";
import type { OpenTransaction } from "./transaction_states.ts";
import { createErrorFromCode, type VendorCluster, type VendorProtocol } from "./vendor.ts";

/**
 * Ends these transactions with this outcome, each in its partition. Answers false where we have not the right to.
 *
 * The marker carries the epoch of the transaction (or the later `epoch`), so that a partition which has seen a later
 * transaction of the same producer refuses it.
 *
 * @throws the leader's other errors; some markers may be written then
 */
export async function writeMarkers(
  cluster: VendorCluster,
  parts: readonly OpenTransaction[],
  outcome: Outcome,
  epoch?: number,
): Promise<boolean> {
  const { partitions } = await fetchClusterMap(cluster);
  for (const part of parts) {
    const nodeId = partitions.find(({ topic, partition }) =>
      topic === part.topic && partition === part.partition
    )?.leader;
    if (nodeId === undefined || nodeId < 0) {
      throw new Error(`${part.topic}-${part.partition} has no leader to write a marker to`);
    }
    const broker = await cluster.findBroker({ nodeId });
    try {
      const answers = await broker.connectionPool.send(
        marker(part, outcome, epoch ?? part.producerEpoch),
      );
      for (const { errorCode } of answers) {
        if (errorCode !== 0) throw createErrorFromCode()(errorCode);
      }
    } catch (error) {
      if (protocolErrorType(error) === "CLUSTER_AUTHORIZATION_FAILED") return false;
      throw error;
    }
  }
  return true;
}

function marker(
  { topic, partition, producerId, coordinatorEpoch }: OpenTransaction,
  outcome: Outcome,
  epoch: number,
): VendorProtocol<MarkerAnswer[]> {
  const call = { apiKey: 27, apiVersion: 1, apiName: "WriteTxnMarkers" };
  return flexibleProtocol(
    call,
    (body) =>
      body.arrayLength(1).int64(producerId).int16(epoch).boolean(outcome === "commit")
        .arrayLength(1).string(topic).arrayLength(1).int32(partition).tags()
        .int32(Math.max(0, coordinatorEpoch)).tags(),
    parseWriteMarkers,
  );
}

/** What the leader says of one marker. */
export interface MarkerAnswer extends TopicPartition {
  readonly errorCode: number;
}

/** Parses an answer from the header's tag buffer on. */
export function parseWriteMarkers(bytes: Uint8Array): MarkerAnswer[] {
  const reader = new WireReader(bytes);
  reader.tags();
  return reader.array(() => {
    reader.int64(); // producer id
    const topics = reader.array(() => {
      const topic = reader.string() ?? "";
      const answers = reader.array((): MarkerAnswer => {
        const partition = reader.int32();
        const errorCode = reader.int16();
        reader.tags();
        return { topic, partition, errorCode };
      });
      reader.tags();
      return answers;
    }).flat();
    reader.tags();
    return topics;
  }).flat();
}
