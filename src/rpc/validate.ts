/**
 * Validation of parameters against their schema, by walking it: what refuses also says where, what was expected and what
 * came. Hot methods do not come here, so that nothing is compiled and no code is generated.
 * Always
 *  - It accepts exactly what JSON Schema accepts, for the part of it that our schemas use (test/rpc/validate.test.ts
 *    holds it against TypeBox's compiler).
 */
import type { TSchema } from "typebox";
import { type ErrorCode, RejectedError } from "../errors.ts";
import { nearest } from "./nearest.ts";
import { ADDRESS_PATTERN } from "./schemas.ts";

/** The part of JSON Schema that our schemas use. */
interface Shape {
  type?: string;
  const?: unknown;
  anyOf?: Shape[];
  properties?: Record<string, Shape>;
  /** Of an object with any names: one schema for all of its members. */
  patternProperties?: Record<string, Shape>;
  required?: string[];
  additionalProperties?: boolean | Shape;
  items?: Shape;
  maxItems?: number;
  minItems?: number;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  description?: string;
}

interface Problem {
  path: string;
  expected: string;
  received: string;
  code: ErrorCode;
  /** The key that was probably meant. */
  suggestion?: string;
}

const RECEIVED_CHARS_MAX = 80;

export class Validator {
  readonly #schema: Shape;

  constructor(schema: TSchema) {
    this.#schema = schema as Shape;
  }

  /** Why `value` is refused, undefined when it is not; `place` is where it stands in the parameters. */
  refusal(value: unknown, place = ""): RejectedError | undefined {
    const problem = explain(this.#schema, value, place);
    return problem && rejection(problem);
  }

  /** @throws RejectedError naming the first problem */
  require(value: unknown): void {
    const refusal = this.refusal(value);
    if (refusal !== undefined) throw refusal;
  }
}

function rejection({ path, expected, received, code, suggestion }: Problem): RejectedError {
  const place = path === "" ? "params" : path;
  const hint = suggestion === undefined ? "" : `; did you mean ${suggestion}?`;
  const facts = suggestion === undefined ? {} : { suggestion };
  return new RejectedError(code, `${place}: expected ${expected}, received ${received}${hint}`, {
    path: place,
    expected,
    received,
    ...facts,
  });
}

/** The refusal of a value that needed no schema to be seen. */
export function invalid(
  path: string,
  expected: string,
  value: unknown,
  code: ErrorCode = "VALIDATION_ERROR",
): RejectedError {
  return rejection({ path, expected, received: shown(value), code });
}

function unknownKeyProblem(path: string, key: string, known: string[]): Problem {
  const suggestion = nearest(key, known);
  return {
    path: join(path, key),
    expected: `only ${known.length === 0 ? "an empty object" : known.join(", ")}`,
    received: `the unknown key ${JSON.stringify(key.slice(0, RECEIVED_CHARS_MAX))}`,
    code: "VALIDATION_ERROR",
    ...(suggestion === undefined ? {} : { suggestion }),
  };
}

function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string") return JSON.stringify(value.slice(0, RECEIVED_CHARS_MAX));
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

/** The first problem in document order; undefined when there is none. Recursion is bounded by the schema's depth. */
function explain(schema: Shape, value: unknown, path: string): Problem | undefined {
  if (schema.anyOf !== undefined) return explainUnion(schema, schema.anyOf, value, path);
  const problem = (expected: string, code: ErrorCode = "VALIDATION_ERROR"): Problem => ({
    path,
    expected: schema.description ?? expected,
    received: shown(value),
    code,
  });
  if (schema.const !== undefined) return value === schema.const ? undefined : problem(JSON.stringify(schema.const));
  switch (schema.type) {
    case "object":
      return isObject(value) ? explainObject(schema, value, path) : problem("an object");
    case "array":
      if (!Array.isArray(value)) return problem("an array");
      if (value.length > (schema.maxItems ?? Number.POSITIVE_INFINITY))
        return problem(`at most ${schema.maxItems} items`);
      if (value.length < (schema.minItems ?? 0)) return problem(`at least ${schema.minItems} items`);
      return firstProblem(value, (item, index) => explain(schema.items ?? {}, item, `${path}[${index}]`));
    case "string": {
      if (typeof value !== "string") return problem("a string");
      const fits =
        (schema.pattern === undefined || patternOf(schema.pattern).test(value)) &&
        value.length >= (schema.minLength ?? 0) &&
        value.length <= (schema.maxLength ?? Number.POSITIVE_INFINITY);
      if (fits) return undefined;
      return problem("a string", schema.pattern === ADDRESS_PATTERN ? "INVALID_ADDRESS" : "VALIDATION_ERROR");
    }
    case "integer":
    case "number": {
      const kind = schema.type === "integer" ? "a whole number" : "a number";
      if (!(schema.type === "integer" ? Number.isInteger(value) : Number.isFinite(value))) return problem(kind);
      return (value as number) < (schema.minimum ?? Number.NEGATIVE_INFINITY) ||
        (value as number) > (schema.maximum ?? Number.POSITIVE_INFINITY)
        ? problem(`${kind} from ${schema.minimum} to ${schema.maximum}`)
        : undefined;
    }
    case "boolean":
      return typeof value === "boolean" ? undefined : problem("true or false");
    case "null":
      return value === null ? undefined : problem("null");
    default:
      return undefined;
  }
}

const PATTERNS = new Map<string, RegExp>();

function patternOf(source: string): RegExp {
  const known = PATTERNS.get(source);
  if (known !== undefined) return known;
  const pattern = new RegExp(source, "u");
  PATTERNS.set(source, pattern);
  return pattern;
}

function firstProblem<T>(
  items: readonly T[],
  look: (item: T, index: number) => Problem | undefined,
): Problem | undefined {
  for (let index = 0; index < items.length; index++) {
    const problem = look(items[index]!, index);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function explainObject(schema: Shape, value: Record<string, unknown>, path: string): Problem | undefined {
  const properties = schema.properties ?? {};
  if (schema.additionalProperties === false) {
    const known = Object.keys(properties);
    const unknown = Object.keys(value).find((key) => !Object.hasOwn(properties, key));
    if (unknown !== undefined) return unknownKeyProblem(path, unknown, known);
  }
  for (const [key, property] of Object.entries(properties)) {
    const present = Object.hasOwn(value, key);
    if (!present && !(schema.required ?? []).includes(key)) continue;
    const problem = present
      ? explain(property, value[key], join(path, key))
      : {
          path: join(path, key),
          expected: property.description ?? "a value",
          received: "nothing",
          code: "VALIDATION_ERROR" as const,
        };
    if (problem !== undefined) return problem;
  }
  const [any] = Object.values(schema.patternProperties ?? {});
  if (any === undefined) return undefined;
  return firstProblem(Object.entries(value), ([key, member]) => explain(any, member, join(path, key)));
}

/** Among objects that differ in a constant key (a transaction's `kind`), the one that is meant explains the problem. */
function explainUnion(schema: Shape, options: Shape[], value: unknown, path: string): Problem | undefined {
  if (options.some((option) => explain(option, value, path) === undefined)) return undefined;
  const tag = constantKey(options);
  if (tag !== undefined && isObject(value)) {
    const meant = options.find((option) => option.properties?.[tag]?.const === value[tag]);
    if (meant !== undefined) return explain(meant, value, path);
    const tags = options.map((option) => String(option.properties?.[tag]?.const));
    return {
      path: join(path, tag),
      expected: `one of ${tags.join(", ")}`,
      received: shown(value[tag]),
      code: "VALIDATION_ERROR",
    };
  }
  const expected =
    schema.description ??
    options.map((option) => option.description ?? option.type ?? JSON.stringify(option.const)).join(" or ");
  return { path, expected, received: shown(value), code: "VALIDATION_ERROR" };
}

function constantKey(options: Shape[]): string | undefined {
  return Object.keys(options[0]?.properties ?? {}).find((key) =>
    options.every((option) => option.properties?.[key]?.const !== undefined),
  );
}

function join(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
