/** Asks a broker for its data directories and the room on their disks: DescribeLogDirs version 4 (KIP-827). */
import { flexibleProtocol } from "./raw_protocol.ts";
import { WireReader } from "./codec/wire_reader.ts";
import { createErrorFromCode, type VendorBroker, type VendorProtocol } from "./vendor.ts";

/** One directory; sizes in bytes, -1 where the broker cannot tell them. */
export interface LogDir {
  readonly path: string;
  /** The protocol's error, such as 56 where its disk has failed; 0 where there is none. */
  readonly errorCode: number;
  readonly totalBytes: number;
  readonly usableBytes: number;
}

/** Of this broker. @throws where this client may not DESCRIBE the cluster */
export function fetchLogDirs(broker: VendorBroker): Promise<readonly LogDir[]> {
  return broker.connectionPool.send(describeLogDirs());
}

function describeLogDirs(): VendorProtocol<readonly LogDir[]> {
  const call = { apiKey: 35, apiVersion: 4, apiName: "DescribeLogDirs" };
  // No topic: what each of them takes is not asked.
  return flexibleProtocol(call, (body) => body.arrayLength(0), parseDescribeLogDirs);
}

/** Parses an answer from the header's tag buffer on. Throws the error that it carries as a whole. */
export function parseDescribeLogDirs(bytes: Uint8Array): readonly LogDir[] {
  const reader = new WireReader(bytes);
  reader.tags();
  reader.int32(); // throttle time
  const errorCode = reader.int16();
  if (errorCode !== 0) {
    throw Object.assign(createErrorFromCode()(errorCode), { apiName: "DescribeLogDirs" });
  }
  const dirs = reader.array((): LogDir => {
    const errorCode = reader.int16();
    const path = reader.text();
    reader.array(() => {
      reader.string();
      reader.array(() => {
        reader.raw(4 + 8 + 8 + 1); // partition, size, lag, is it being moved here
        reader.tags();
      });
      reader.tags();
    });
    const totalBytes = Number(reader.int64());
    const usableBytes = Number(reader.int64());
    reader.tags();
    return { path, errorCode, totalBytes, usableBytes };
  });
  reader.tags();
  return dirs;
}
