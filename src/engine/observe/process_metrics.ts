/** The process' own figures under the names that Prometheus' dashboards expect. Reads no file: it needs no permission. */
import { Gauge, type Registry } from "../packages/prom_client.ts";

/**
 * prom-client's own collection reads /proc, watches garbage collection and keeps an event-loop timer alive, for which a
 * narrow set of Deno permissions is not enough.
 */
export function processMetrics(registry: Registry): void {
  const startedAt = (Date.now() - performance.now()) / 1000;
  const gauges = [
    {
      name: "process_start_time_seconds",
      help: "When the process started, seconds since the epoch",
      value: () => startedAt,
    },
    {
      name: "process_resident_memory_bytes",
      help: "Resident memory",
      value: () => Deno.memoryUsage().rss,
    },
    {
      name: "process_heap_bytes",
      help: "JavaScript heap in use",
      value: () => Deno.memoryUsage().heapUsed,
    },
  ];
  for (const { name, help, value } of gauges) {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  }
}
