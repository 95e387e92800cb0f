/** The routes as an OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1), from the schemas of their methods. */
import { VERSION } from "../../version.ts";
import { METHODS } from "../methods.ts";
import { METRIC_NAME, METRIC_NAMES_MAX, METRICS_PATH } from "../metrics-endpoint.ts";
import { withReferences } from "../open-rpc.ts";
import { ROUTES, type Route } from "./routes.ts";

type Json = Record<string, unknown>;

interface Parameters {
  readonly properties?: Record<string, Json>;
  readonly required?: readonly string[];
}

const PROBLEM = {
  title: "Problem",
  type: "object",
  required: ["type", "title", "status", "detail", "code", "hint"],
  properties: {
    type: { type: "string" },
    title: { type: "string", description: "What the code means." },
    status: { type: "integer" },
    detail: { type: "string" },
    code: { type: "string", description: "Stable; `polytorus explain CODE` says more." },
    hint: { type: "string" },
  },
  additionalProperties: true,
};

let document: string | undefined;

/** As JSON text, made at the first call. */
export function openApiText(): string {
  document ??= JSON.stringify(openApiDocument(ROUTES));
  return document;
}

function openApiDocument(routes: readonly Route[]): Json {
  const components = new Map<string, unknown>();
  const referTo = (schema: unknown) => withReferences(schema, components);
  const paths: Json = Object.fromEntries(routes.map((route) => [route.path, { get: operation(route, referTo) }]));
  return {
    openapi: "3.1.1",
    info: {
      title: "Polytorus engine",
      version: VERSION,
      description: "What the daemon holds, read only: each path answers as its JSON-RPC method does.",
      license: { name: "MIT", identifier: "MIT" },
    },
    paths: {
      ...paths,
      "/v1/events": { get: eventsOperation(referTo) },
      [METRICS_PATH]: { get: metricsOperation(referTo) },
    },
    components: {
      schemas: Object.fromEntries(components),
      securitySchemes: { bearer: { type: "http", scheme: "bearer" } },
    },
    security: [{}, { bearer: [] }],
  };
}

function operation(route: Route, referTo: (schema: unknown) => unknown): Json {
  const { description, params, result } = METHODS[route.method];
  const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  const { properties = {}, required = [] } = params as unknown as Parameters;
  const alternatives = route.alternatives?.names ?? [];
  const taken = [...inPath, ...alternatives];
  return {
    operationId: operationId(route),
    description,
    parameters: [
      ...inPath.map((name) => ({
        name,
        in: "path",
        required: true,
        schema: referTo(properties[name] ?? { anyOf: alternatives.map((each) => properties[each]) }),
      })),
      ...Object.entries(properties)
        .filter(([name]) => !taken.includes(name))
        .map(([name, schema]) => queryParameter(name, schema, required.includes(name), referTo)),
    ],
    responses: { "200": ok({ "application/json": { schema: referTo(result) } }), ...refusals(referTo) },
    "x-method": route.method,
  };
}

/** Several routes may have one method. */
function operationId({ method, path }: Route): string {
  const isFirst = ROUTES.find((route) => route.method === method)?.path === path;
  return isFirst ? method : `${method}_${path.split("/").at(-1)}`;
}

function queryParameter(name: string, schema: Json, required: boolean, referTo: (schema: unknown) => unknown): Json {
  if (name === "topics")
    return {
      name: "topic",
      in: "query",
      required,
      description: "Once for each position: a hash, or `any`.",
      style: "form",
      explode: true,
      schema: { type: "array", items: { type: "string" } },
    };
  return {
    name,
    in: "query",
    required,
    ...(schema["type"] === "array" ? { style: "form", explode: false } : {}),
    schema: referTo(schema),
  };
}

function eventsOperation(referTo: (schema: unknown) => unknown): Json {
  const { params } = METHODS.subscribe;
  const { properties = {}, required = [] } = params as unknown as Parameters;
  return {
    operationId: "events",
    description:
      "Durable blocks, logs, receipts and jobs of privacy contracts as server-sent events. The id of an event is its cursor; a client that sends it as Last-Event-ID, or as `since`, goes on behind it.",
    parameters: [
      ...Object.entries(properties).map(([name, schema]) =>
        queryParameter(name, schema, required.includes(name), referTo),
      ),
      { name: "Last-Event-ID", in: "header", required: false, schema: { type: "string" } },
    ],
    responses: { "200": ok({ "text/event-stream": { schema: { type: "string" } } }), ...refusals(referTo) },
    "x-method": "subscribe",
  };
}

function metricsOperation(referTo: (schema: unknown) => unknown): Json {
  return {
    operationId: "metrics",
    description:
      "What the daemon measures of itself, as Prometheus' text; not here where monitoring.performance is off, or monitoring.listen has it.",
    parameters: [
      {
        name: METRIC_NAME,
        in: "query",
        required: false,
        description:
          "Once for each metric, or sample of a histogram (`_bucket`, `_sum`, `_count`), that is wanted: no other is read. Left out: all.",
        style: "form",
        explode: true,
        schema: { type: "array", items: { type: "string" }, maxItems: METRIC_NAMES_MAX },
      },
    ],
    responses: { "200": ok({ "text/plain": { schema: { type: "string" } } }), ...refusals(referTo) },
  };
}

function ok(content: Json): Json {
  return { description: "The result.", content };
}

function refusals(referTo: (schema: unknown) => unknown): Json {
  const content = { "application/problem+json": { schema: referTo(PROBLEM) } };
  return {
    "400": { description: "A parameter is wrong, or a limit was exceeded.", content },
    "404": { description: "There is no such thing.", content },
    default: { description: "Any other refusal; `code` says which.", content },
  };
}
