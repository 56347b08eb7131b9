/**
 * Asks for the time of Kafka's active controller, without writing anything: DescribeQuorum version 1 (KIP-836) reports the
 * leader's own `last_caught_up_timestamp` as its present time. No other answer of a broker tells its clock.
 */
import { flexibleProtocol } from "./raw_protocol.ts";
import { WireReader } from "./codec/wire_reader.ts";
import { createErrorFromCode, type VendorBroker, type VendorProtocol } from "./vendor.ts";

/** Milliseconds since the epoch, by the clock of the leader of the metadata; undefined where it does not say. */
export function fetchControllerTime(broker: VendorBroker): Promise<number | undefined> {
  return broker.connectionPool.send(describeQuorum());
}

function describeQuorum(): VendorProtocol<number | undefined> {
  const call = { apiKey: 55, apiVersion: 1, apiName: "DescribeQuorum" };
  return flexibleProtocol(
    call,
    (body) =>
      body.arrayLength(1).string("__cluster_metadata").arrayLength(1).int32(0).tags().tags(),
    parseDescribeQuorum,
  );
}

/** Parses an answer from the header's tag buffer on. Throws the error that it carries. */
export function parseDescribeQuorum(bytes: Uint8Array): number | undefined {
  const reader = new WireReader(bytes);
  reader.tags();
  refuse(reader.int16());
  const times = reader.array(() => {
    reader.string(); // the topic
    const found = reader.array(() => {
      reader.int32(); // its partition
      refuse(reader.int16());
      const leader = reader.int32();
      reader.int32(); // epoch
      reader.int64(); // high watermark
      const replicas = [...reader.array(() => readReplica(reader))];
      reader.array(() => readReplica(reader)); // observers
      reader.tags();
      return replicas.find(({ replicaId }) => replicaId === leader)?.caughtUpAt;
    });
    reader.tags();
    return found;
  }).flat();
  const time = times.find((at) => at !== undefined && at > 0);
  return time;
}

function readReplica(reader: WireReader) {
  const replicaId = reader.int32();
  reader.int64(); // end of its log
  reader.int64(); // last fetch
  const caughtUpAt = Number(reader.int64());
  reader.tags();
  return { replicaId, caughtUpAt };
}

function refuse(errorCode: number): void {
  if (errorCode === 0) return;
  throw Object.assign(createErrorFromCode()(errorCode), { apiName: "DescribeQuorum" });
}
