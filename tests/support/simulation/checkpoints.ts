/** The checkpoints of lanes over the simulated broker, for one process: in a lane's first transaction, and after later ones. */
import type { LaneCheckpoint, LaneCheckpoints } from "../../../src/engine/core/lane_checkpoints.ts";
import { namesIn } from "../../../src/engine/core/names.ts";
import type { LanePlace } from "../../../src/engine/core/ports.ts";
import { formatPartition, type OutputRecord } from "../../../src/engine/core/record.ts";
import type { Broker } from "./broker.ts";
import { patiently } from "./ports.ts";
import type { Host } from "./world.ts";

/** Where they are. */
export const lanesTopic = namesIn().lanes;

const place = { topic: lanesTopic, partition: 0 };
const everything = { recordsMax: Infinity, bytesMax: Infinity };
const writeMs = 1_000;
const againMs = 20;
const decoder = new TextDecoder();

/** See the file's first line. */
export function simulatedCheckpoints(host: Host, broker: Broker): LaneCheckpoints {
  const due = new Map<string, OutputRecord>();
  const record = (lane: LanePlace, checkpoint: LaneCheckpoint): OutputRecord => (
    { ...place, key: formatPartition(lane), value: JSON.stringify(checkpoint), headers: [] }
  );
  const write = () => {
    const records = [...due.values()];
    due.clear();
    host.request(() => broker.produceAlone(records)).catch(() => {});
  };
  return {
    async find(lane, { all, signal }) {
      const log = broker.partition(place);
      const end = await patiently(host, () => all ? log.highWatermark : log.range.end, signal);
      const look = () => ({ stable: log.range.end, records: log.read(0, everything).records });
      let seen = await patiently(host, look, signal);
      while (seen.stable < end) {
        await host.clock.delay(againMs, signal);
        seen = await patiently(host, look, signal);
      }
      const key = formatPartition(lane);
      const last = seen.records.findLast((record) =>
        decoder.decode(record.key ?? undefined) === key
      );
      return last && JSON.parse(decoder.decode(last.value ?? undefined));
    },
    record,
    committed(lane, checkpoint) {
      if (due.size === 0) host.after(writeMs, write);
      due.set(formatPartition(lane), record(lane, checkpoint));
    },
  };
}
