/** The method table as an OpenRPC 1.3 document (https://spec.open-rpc.org). Schemas with a title become components. */
import type { MethodName } from "../client/methods.ts";
import { ERROR_KINDS, type ErrorCode, rpcCodeOf } from "../errors.ts";
import { VERSION } from "../version.ts";
import type { Method, MethodTable } from "./method.ts";

type Json = Record<string, unknown>;

/** What a method may answer instead of a result, beyond what every method may. */
const COMMON_ERRORS: readonly ErrorCode[] = [
  "VALIDATION_ERROR",
  "UNAUTHORIZED",
  "LIMIT_EXCEEDED",
  "BUSY",
  "STORAGE_ERROR",
  "INTERNAL_ERROR",
];

export function openRpcDocument(methods: MethodTable): Json {
  const components = new Map<string, unknown>();
  return {
    openrpc: "1.3.2",
    info: {
      title: "Polytorus engine",
      version: VERSION,
      description:
        "JSON-RPC 2.0 over a Unix socket (one message a line), HTTP (POST /) and WebSocket. Parameters are passed by name.",
      license: { name: "MIT" },
    },
    methods: Object.values(methods).map((method) => methodObject(method, components)),
    components: {
      schemas: Object.fromEntries(components),
      errors: Object.fromEntries(
        COMMON_ERRORS.map((code) => [code, { code: rpcCodeOf(code), message: ERROR_KINDS[code].meaning }]),
      ),
    },
  };
}

type Described = Omit<Method<MethodName>, "handle">;

function methodObject(method: Described, components: Map<string, unknown>): Json {
  const params = method.params as { properties?: Record<string, Json>; required?: string[] };
  const { example } = method;
  return {
    name: method.name,
    description: method.description,
    paramStructure: "by-name",
    params: Object.entries(params.properties ?? {}).map(([name, schema]) => ({
      name,
      required: (params.required ?? []).includes(name),
      schema: withReferences(schema, components),
    })),
    result: { name: "result", schema: withReferences(method.result, components) },
    errors: COMMON_ERRORS.map((code) => ({ $ref: `#/components/errors/${code}` })),
    examples: [
      {
        name: "example",
        params: Object.entries(example.params).map(([name, value]) => ({ name, value })),
        result: { name: "result", value: example.result },
      },
    ],
    "x-role": method.role,
    ...(method.blockMode === undefined ? {} : { "x-block-mode": method.blockMode }),
  };
}

/** A copy in which every schema with a title is a reference to the component of that name. */
export function withReferences(schema: unknown, components: Map<string, unknown>): unknown {
  if (Array.isArray(schema)) return schema.map((part) => withReferences(part, components));
  if (typeof schema !== "object" || schema === null) return schema;
  const copy = Object.fromEntries(Object.entries(schema).map(([key, part]) => [key, withReferences(part, components)]));
  const title = copy["title"];
  if (typeof title !== "string") return copy;
  components.set(title, copy);
  return { $ref: `#/components/schemas/${title}` };
}
