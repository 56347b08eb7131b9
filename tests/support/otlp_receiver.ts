/** A receiver of OTLP over HTTP with JSON: keeps the spans that programs export, and tells when those are there that a test needs. */

/** A span as it came; what tests look at. */
export interface ReceivedSpan {
  readonly service: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first of a trace. */
  readonly parentSpanId: string;
  readonly name: string;
  /** 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  readonly attributes: Readonly<Record<string, string>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** 2 where it failed. */
  readonly status: number;
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface Export {
  readonly resourceSpans?: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly (Omit<ReceivedSpan, "attributes" | "status"> & {
        readonly attributes: readonly Attribute[];
        readonly status?: { readonly code?: number };
      })[];
    }[];
  }[];
}

/** A running receiver. */
export interface OtlpReceiver extends AsyncDisposable {
  readonly spans: ReceivedSpan[];
  /** For the environment of a program. */
  readonly environment: Readonly<Record<string, string>>;
  /** Asks again at each arrival. Rejects with the names of what came when it takes a minute. */
  until(condition: (spans: readonly ReceivedSpan[]) => boolean): Promise<void>;
}

export function startOtlpReceiver(): OtlpReceiver {
  const spans: ReceivedSpan[] = [];
  let arrived = Promise.withResolvers<void>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const body = await request.json() as Export;
    for (const { resource, scopeSpans } of body.resourceSpans ?? []) {
      const service = textsOf(resource.attributes)["service.name"] ?? "";
      for (const span of scopeSpans.flatMap((scope) => scope.spans)) {
        const attributes = textsOf(span.attributes);
        spans.push({ ...span, service, attributes, status: span.status?.code ?? 0 });
      }
    }
    arrived.resolve();
    arrived = Promise.withResolvers();
    return Response.json({});
  });
  return {
    spans,
    environment: {
      OTEL_DENO: "true",
      OTEL_DENO_CONSOLE: "ignore",
      OTEL_METRICS_EXPORTER: "none",
      OTEL_LOGS_EXPORTER: "none",
      OTEL_BSP_SCHEDULE_DELAY: "50",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${server.addr.port}`,
    },
    async until(condition) {
      const late = Promise.withResolvers<never>();
      const timer = setTimeout(
        () => late.reject(new Error(`Not all came: ${spans.map(({ name }) => name).join(", ")}`)),
        60_000,
      );
      try {
        while (!condition(spans)) await Promise.race([arrived.promise, late.promise]);
      } finally {
        clearTimeout(timer);
      }
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function textsOf(attributes: readonly Attribute[]): Record<string, string> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, String(Object.values(value)[0])]),
  );
}
