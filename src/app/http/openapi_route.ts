/** Serves the OpenAPI 3.1 document, which is made from the schemas that validate the requests. */
import type { OpenAPIHono } from "@hono/zod-openapi";

/** Adds `/openapi.json`. Add it last: it describes the routes that are there when it is first asked for. */
export function addOpenApiRoute(app: OpenAPIHono): void {
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    description: "Demanded where the service is run with API_TOKEN",
  });
  let document: string | undefined;
  app.get("/openapi.json", () => {
    document ??= JSON.stringify(app.getOpenAPI31Document({
      openapi: "3.1.0",
      info: {
        title: "onceflow orders",
        version: "1.0.0",
        description: "An order is written once, announced once, invoiced once and counted once.",
        license: { name: "MIT" },
      },
      servers: [{ url: "/" }],
      tags: [
        { name: "orders", description: "Place orders and see what became of them" },
        { name: "customers", description: "What customers ordered and were invoiced" },
        { name: "health", description: "For whoever watches the process" },
      ],
    }));
    return new Response(document, { headers: { "content-type": "application/json" } });
  });
}
