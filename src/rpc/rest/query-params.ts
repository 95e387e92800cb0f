/** The parameters of a method from a URL: its path's and its query's text, read as what the method's schema says. */
import type { TSchema } from "typebox";
import { invalid } from "../validate.ts";

/** The part of JSON Schema that tells text from numbers and lists. */
interface Shape {
  readonly type?: string;
  readonly anyOf?: readonly Shape[];
  readonly properties?: Record<string, Shape>;
}

/** Shorter names for a URL, where a parameter is given once for each of its members. */
const MEMBERS: Readonly<Record<string, string>> = { topic: "topics" };
/** Stands for null: any topic. */
const ANY = "any";

/**
 * @param schema of the parameters. @param given from the path.
 * @throws RejectedError VALIDATION_ERROR for a parameter that is given twice. Everything else is left to the method's own
 *         validation, which names unknown parameters and wrong values.
 */
export function paramsFrom(
  schema: TSchema,
  given: Readonly<Record<string, string>>,
  query: string,
): Record<string, unknown> {
  const { properties = {} } = schema as Shape;
  // Without a prototype: no name in an address is more than a name.
  const params: Record<string, unknown> = Object.create(null);
  for (const [name, text] of Object.entries(given)) params[name] = valueAs(properties[name], text);
  for (const [name, text] of new URLSearchParams(query)) {
    const member = MEMBERS[name];
    if (member !== undefined && properties[member] !== undefined) {
      const members = (params[member] ?? []) as unknown[];
      params[member] = [...members, text === ANY || text === "" ? null : text];
    } else if (Object.hasOwn(params, name)) throw invalid(name, "one value", "several");
    else params[name] = valueAs(properties[name], text);
  }
  return params;
}

function valueAs(shape: Shape | undefined, text: string): unknown {
  if (shape?.type === "array") return text.split(",").filter((part) => part !== "");
  const isNumber = shape?.type === "integer" || shape?.anyOf?.some(({ type }) => type === "integer") === true;
  if (isNumber && /^\d{1,16}$/.test(text)) return Number(text);
  if (shape?.type === "boolean" && (text === "true" || text === "false")) return text === "true";
  return text;
}
