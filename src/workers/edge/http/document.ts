/** GET /v1/openapi.json: the API described, from the schemas that check it. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { createRoute, z } from "@hono/zod-openapi";
import { refusals, json, spliced, type App } from "./respond.ts";

const route = createRoute({
  method: "get",
  path: "/v1/openapi.json",
  operationId: "describe",
  summary: "This document",
  tags: ["meta"],
  security: [],
  responses: { 200: json("An OpenAPI 3.1 document.", z.record(z.string(), z.unknown())), ...refusals },
});

/** Adds the route. The document describes what the app has when it is first asked for. */
export function documentRoute(app: App): void {
  let text: string | undefined;
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description: "The `token` of a login, or a token of the configured external issuer.",
  });
  app.openAPIRegistry.registerComponent("securitySchemes", "admin", {
    type: "http",
    scheme: "bearer",
    description: "The secret `ADMIN_KEY` of the deployment.",
  });
  app.openapi(route, (c) => {
    text ??= JSON.stringify(describe(app));
    return spliced(c, text);
  });
}

function describe(app: App): ReturnType<OpenAPIHono["getOpenAPI31Document"]> {
  return app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "MPIM",
      version: "1",
      description:
        "Errors come as `{error: {code, message, request_id, details?}}`; `code` says what to do next. Every response carries `x-request-id`.",
    },
    security: [{ bearer: [] }],
  });
}
