import { beforeAll, describe, expect, test } from "vitest";
import { isAdmin, PUBLIC } from "../../src/workers/edge/app.ts";
import { app, call, codeOf } from "../support/http.ts";

interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly security?: unknown[];
  readonly parameters?: { readonly name: string; readonly in: string; readonly required?: boolean }[];
  readonly requestBody?: { readonly required?: boolean };
  readonly responses: Record<string, { readonly description?: string }>;
}
interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly security: unknown[];
  readonly components: { readonly schemas: Record<string, unknown>; readonly securitySchemes: Record<string, unknown> };
  readonly paths: Record<string, Record<string, Operation>>;
}

const forAdmins = (line: string): boolean => isAdmin(line.split(" ")[1] ?? "");
/** Parameters of queries that have no default. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  "GET /v1/admin/route": ["kind", "key"],
  "GET /v1/search": ["q"],
};

/** Every route of the app, `"GET /v1/users/:uid"`; middleware is for all methods, routes are not. */
const routes = [
  ...new Set(app.routes.filter(({ method }) => method !== "ALL").map(({ method, path }) => `${method} ${path}`)),
];
const documented = (line: string): [path: string, method: string] => {
  const [method = "", path = ""] = line.split(" ");
  return [path.replaceAll(/:(\w+)/g, "{$1}"), method.toLowerCase()];
};

describe("who may call what", () => {
  test("there are routes to ask about", () => {
    expect(routes.length).toBeGreaterThan(15);
    for (const line of PUBLIC) expect(routes).toContain(line);
  });

  test.each(routes.filter((line) => !PUBLIC.has(line) && !forAdmins(line)))("%s needs a token", async (line) => {
    const path = line.replaceAll(/:\w+/g, "u_1");
    expect(codeOf(await call(path))).toBe("401 unauthenticated");
    expect(codeOf(await call(path, { token: "made.up.token" }))).toBe("401 unauthenticated");
  });

  test.each(routes.filter(forAdmins))("%s needs the admin key", async (line) => {
    expect(codeOf(await call(line))).toBe("401 unauthenticated");
    expect(codeOf(await call(line, { token: "made.up.token" }))).toBe("403 permission_denied");
  });

  test.each(routes.filter((line) => PUBLIC.has(line)))("%s needs none", async (line) => {
    expect((await call(line)).status).not.toBe(401);
  });

  test("a route that is not listed needs a token, whoever adds it", async () => {
    const { makeApp } = await import("../../src/workers/edge/app.ts");
    const { env } = await import("../support/http.ts");
    const grown = makeApp();
    grown.get("/v1/added-later", (c) => c.text("in"));
    grown.get("/v1/admin/added-later", (c) => c.text("in"));
    for (const path of ["/v1/added-later", "/v1/admin/added-later"]) {
      expect((await grown.request(path, {}, env)).status).toBe(401);
    }
  });
});

describe("/v1/openapi.json", () => {
  let document: Document;
  let text: string;
  beforeAll(async () => {
    const answer = await call("GET /v1/openapi.json");
    expect(answer.status).toBe(200);
    ({ text } = answer);
    document = answer.json as unknown as Document;
  });

  test("describes exactly the routes there are", () => {
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    const there = routes.map((line) => documented(line).toReversed().join(" "));
    expect(described.toSorted()).toEqual(there.toSorted());
  });

  test.each(routes)("%s has an id, a summary, its parameters, answers, and the error", (line) => {
    const [path, method] = documented(line);
    const operation = document.paths[path]?.[method];
    expect(operation?.operationId).toMatch(/^\w+$/);
    expect(operation?.summary).toBeTruthy();
    const inPath = Array.from(path.matchAll(/\{(\w+)\}/g), (match) => match[1]);
    const declared = (operation?.parameters ?? []).filter((parameter) => parameter.in === "path");
    expect(declared.map(({ name }) => name)).toEqual(inPath);
    for (const { required } of declared) expect(required).toBe(true);
    const others = (operation?.parameters ?? []).filter((parameter) => parameter.in !== "path");
    expect(others.filter(({ required }) => required === true).map(({ name }) => name)).toEqual(NEEDED[line] ?? []);
    expect(operation?.requestBody?.required).not.toBe(false);
    const { default: refusal, ...answers } = operation?.responses ?? {};
    expect(JSON.stringify(refusal)).toContain('"#/components/schemas/Error"');
    expect(Object.keys(answers)).toHaveLength(1);
    for (const [status, answer] of Object.entries(answers)) {
      expect(status).toMatch(/^[12]\d\d$/);
      expect(answer.description).toBeTruthy();
    }
  });

  test.each(routes)("%s says whether it needs a token", (line) => {
    const [path, method] = documented(line);
    const security = document.paths[path]?.[method]?.security ?? document.security;
    expect(security).toEqual(PUBLIC.has(line) ? [] : [forAdmins(line) ? { admin: [] } : { bearer: [] }]);
  });

  test("is of a version that tools know, with ids of its own and references that lead somewhere", () => {
    expect(document.openapi).toBe("3.1.0");
    expect(document.info).toMatchObject({ title: "MPIM", version: "1" });
    expect(document.components.securitySchemes["bearer"]).toMatchObject({ type: "http", scheme: "bearer" });
    const ids = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
    const references = Array.from(text.matchAll(/"\$ref":"([^"]*)"/g), (match) => match[1] ?? "");
    expect(references.length).toBeGreaterThan(0);
    for (const reference of references) {
      expect(Object.keys(document.components.schemas)).toContain(reference.replace("#/components/schemas/", ""));
    }
  });

  test("shows the bounds that are checked", () => {
    const query = (path: string, name: string): unknown =>
      (document.paths[path]?.["get"]?.parameters ?? []).find((parameter) => parameter.name === name);
    expect(query("/v1/conversations/{cid}/messages", "limit")).toMatchObject({
      schema: { type: "integer", minimum: 1, maximum: 200, default: 50 },
    });
    expect(document.components.schemas["Registration"]).toMatchObject({
      required: ["username", "password"],
      properties: { password: { minLength: 8, maxLength: 128 } },
    });
  });
});
