/** Serves the OpenAPI 3.1 document, which is made from the schemas that validate the requests. */
import type { OpenAPIHono } from "@hono/zod-openapi";

/** What of the description holds for this service. */
export interface Described {
  /** It demands tokens. */
  readonly tokens: boolean;
  /** It has a limit of requests in a time. */
  readonly limited: boolean;
}

/** Adds `/openapi.json`. Add it last: it describes the routes that are there when it is first asked for. */
export function addOpenApiRoute(app: OpenAPIHono, described: Described): void {
  if (described.tokens) {
    app.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
      type: "http",
      scheme: "bearer",
      description:
        "Each token has the rights that the operator gave it: place, read, operate, metrics",
    });
  }
  let document: string | undefined;
  app.get("/openapi.json", () => {
    document ??= JSON.stringify(truthful(
      described,
      app.getOpenAPI31Document({
        openapi: "3.1.0",
        info: {
          title: "onceflow orders",
          version: "1.0.0",
          description: "An order is written once, published once, invoiced once and counted once.",
          license: { name: "MIT" },
        },
        servers: [{ url: "/" }],
        tags: [
          { name: "orders", description: "Place orders and see what became of them" },
          { name: "customers", description: "What customers ordered and were invoiced" },
          {
            name: "operate",
            description: "Mend the pipeline: closed to all without a token for it",
          },
          { name: "health", description: "For whoever watches the process" },
        ],
      }),
    ));
    return new Response(document, { headers: { "content-type": "application/json" } });
  });
}

/** Without tokens nothing demands one, and no answer says that it is wrong. Then nobody may operate. */
function truthful(
  { tokens, limited }: Described,
  document: ReturnType<OpenAPIHono["getOpenAPI31Document"]>,
): typeof document {
  for (const [name, path] of Object.entries(document.paths ?? {})) {
    for (const operation of [path.get, path.post]) {
      if (!operation) continue;
      if (!tokens) {
        delete operation.security;
        delete operation.responses?.["401"];
        if (!name.startsWith("/operate/")) delete operation.responses?.["403"];
      }
      if (!limited) delete operation.responses?.["429"];
    }
  }
  return document;
}
