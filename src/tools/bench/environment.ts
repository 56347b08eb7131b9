/** Describes the machine and the programs that were measured. Runs short commands only. */
import { availableParallelism, cpus, totalmem } from "node:os";
import type { Config } from "../../config.ts";
import type { Services } from "../../app/compose/services.ts";
import { kafkaVersion } from "../stack/ensure_stack.ts";
import { requireJava } from "../stack/java.ts";
import { outputOf } from "../stack/processes.ts";

/** Names and values, for a table. Holds no address and no secret. */
export async function environmentOf(
  config: Config,
  services: Services,
  loadAtStart: string,
): Promise<Record<string, string>> {
  const model = cpus()[0]?.model.trim() ?? "unknown";
  return {
    "processor": `${model}, ${availableParallelism()} cores`,
    "memory": `${Math.round(totalmem() / 2 ** 30)} GiB`,
    "system": `${Deno.build.os} ${Deno.build.arch}`,
    "load average at the start": loadAtStart,
    "load average at the end": await loadAverage(),
    "Deno": `${Deno.version.deno} (V8 ${Deno.version.v8})`,
    "Java": (await requireJava()).version,
    "Kafka": services.embedded
      ? `${kafkaVersion}, embedded, one broker, 512 MiB of heap`
      : `a cluster of your own, ${services.kafka.brokers.length} bootstrap addresses`,
    "batch bound": `${config.BATCH_RECORDS_MAX} records or ${config.BATCH_BYTES_MAX} bytes`,
  };
}

/** Of 1, 5 and 15 minutes, as the system says it. */
export async function loadAverage(): Promise<string> {
  const load = await outputOf("/bin/cat", ["/proc/loadavg"]).catch(() => undefined);
  return load?.split(" ").slice(0, 3).join(" ") ?? "unknown";
}
