/**
 * The manifest of a circuit contract: which circuits it has, which encrypted state, and what its entrypoints do.
 *   { name, circuits: { add: { operation: "add", type: "euint64" } | { bristol: "…", inputs: […], outputs: […] } },
 *     state: { total: { type: "euint64" }, votes: { type: "euint64", by: "address" } },
 *     entrypoints: { contribute: { inputs: [{ name: "amount", type: "euint64" }], only?: "owner",
 *       steps: [{ circuit: "add", inputs: ["state.total", "amount"], outputs: ["sum"] }],
 *       set: { "state.total": "sum" }, allow: [{ value: "sum", to: "owner", may: "decrypt" }], returns: ["sum"] } } }
 * A value is an input, an output of a step before, `state.x`, `state.x[account]`, or `5:euint64`, a public constant.
 * An account is `sender`, `owner`, `contract`, or an input of type address. Inputs of type bool, uint8 … uint128 are public.
 */

import { ENCRYPTED_TYPES, type EncryptedType, getEncryptedType } from "../../encoding/encrypted-type.ts";
import { RejectedError } from "../../errors.ts";
import { OPERATION_NAMES } from "./operations.ts";

export type InputType =
  /** Of any type: standard entrypoints alone. */
  | { readonly kind: "handle" }
  /** A whole number that is never encrypted: contracts of the daemon alone. */
  | { readonly kind: "number"; readonly bits: number }
  | { readonly kind: "encrypted"; readonly type: EncryptedType }
  /** A whole number that the call shows to everyone. */
  | { readonly kind: "public"; readonly type: EncryptedType }
  | { readonly kind: "address" };

export interface ManifestInput {
  readonly name: string;
  readonly type: InputType;
}

export interface ManifestCircuit {
  readonly name: string;
  readonly operation?: string;
  readonly bristol?: string;
  readonly type?: EncryptedType;
  readonly inputs?: readonly EncryptedType[];
  readonly outputs?: readonly EncryptedType[];
}

export interface ManifestState {
  readonly name: string;
  readonly type: EncryptedType;
  readonly isByAddress: boolean;
}

export interface Step {
  readonly circuit: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export interface Grant {
  readonly value: string;
  readonly to: string;
  readonly may: "use" | "decrypt" | "both";
}

export interface ManifestEntrypoint {
  readonly name: string;
  readonly inputs: readonly ManifestInput[];
  readonly isOwnerOnly: boolean;
  readonly steps: readonly Step[];
  readonly set: readonly { readonly place: string; readonly value: string }[];
  readonly allow: readonly Grant[];
  readonly returns: readonly string[];
}

export interface Manifest {
  readonly name: string;
  readonly circuits: readonly ManifestCircuit[];
  readonly state: readonly ManifestState[];
  readonly entrypoints: readonly ManifestEntrypoint[];
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
const CONSTANT = /^(0|[1-9][0-9]{0,38}):(\w+)$/;
const TEXT_MAX = 128;
/** A circuit's number stands in one byte. */
const CIRCUITS_MAX = 255;
const MEMBERS_MAX = 255;
const RESERVED: readonly string[] = ["sender", "owner", "contract", "state"];
const PUBLIC_TYPES = new Map(ENCRYPTED_TYPES.map((type) => [type.name.slice(1), type]));

export function parseManifest(value: unknown): Manifest {
  const manifest = members(value, "contract.manifest", ["name", "circuits", "state", "entrypoints"]);
  const path = "contract.manifest";
  const { name } = manifest;
  if (typeof name !== "string" || name === "" || name.length > TEXT_MAX)
    refuse(`${path}.name`, `a name of 1 to ${TEXT_MAX} characters`, name);
  return {
    name,
    circuits: named(manifest["circuits"], `${path}.circuits`, CIRCUITS_MAX).map(([key, item]) =>
      parseCircuit(key, item),
    ),
    state: named(manifest["state"], `${path}.state`, MEMBERS_MAX).map(([key, item]) => parseState(key, item)),
    entrypoints: named(manifest["entrypoints"], `${path}.entrypoints`, MEMBERS_MAX).map(([key, item]) =>
      parseEntrypoint(key, item),
    ),
  };
}

function parseCircuit(name: string, value: unknown): ManifestCircuit {
  const path = `contract.manifest.circuits.${name}`;
  const item = members(value, path, ["operation", "type", "bristol", "inputs", "outputs"]);
  const { operation, bristol } = item;
  if ((operation === undefined) === (bristol === undefined))
    refuse(path, "either operation or bristol", operation === undefined ? "neither" : "both");
  if (operation !== undefined) {
    if (typeof operation !== "string" || !OPERATION_NAMES.includes(operation))
      refuse(`${path}.operation`, `one of ${OPERATION_NAMES.join(", ")}`, operation);
    return { name, operation, type: encryptedType(item["type"], `${path}.type`) };
  }
  if (typeof bristol !== "string") refuse(`${path}.bristol`, "a circuit in Bristol Fashion, as text", bristol);
  const types = (key: string) =>
    list(item[key], `${path}.${key}`).map((type, index) => encryptedType(type, `${path}.${key}[${index}]`));
  return { name, bristol, inputs: types("inputs"), outputs: types("outputs") };
}

function parseState(name: string, value: unknown): ManifestState {
  const path = `contract.manifest.state.${name}`;
  const item = members(value, path, ["type", "by"]);
  if (item["by"] !== undefined && item["by"] !== "address") refuse(`${path}.by`, '"address", or nothing', item["by"]);
  return { name, type: encryptedType(item["type"], `${path}.type`), isByAddress: item["by"] === "address" };
}

function parseEntrypoint(name: string, value: unknown): ManifestEntrypoint {
  const path = `contract.manifest.entrypoints.${name}`;
  const item = members(value, path, ["inputs", "only", "steps", "set", "allow", "returns"]);
  if (item["only"] !== undefined && item["only"] !== "owner")
    refuse(`${path}.only`, '"owner", or nothing', item["only"]);
  const set = item["set"] ?? {};
  if (typeof set !== "object" || set === null || Array.isArray(set)) refuse(`${path}.set`, "an object", set);
  return {
    name,
    isOwnerOnly: item["only"] === "owner",
    inputs: list(item["inputs"] ?? [], `${path}.inputs`).map((input, i) => parseInput(input, `${path}.inputs[${i}]`)),
    steps: list(item["steps"] ?? [], `${path}.steps`).map((step, i) => parseStep(step, `${path}.steps[${i}]`)),
    set: Object.entries(set).map(([place, from]) => ({ place, value: text(from, `${path}.set.${place}`) })),
    allow: list(item["allow"] ?? [], `${path}.allow`).map((grant, i) => parseGrant(grant, `${path}.allow[${i}]`)),
    returns: texts(item["returns"] ?? [], `${path}.returns`),
  };
}

function parseInput(value: unknown, path: string): ManifestInput {
  const { name, type } = members(value, path, ["name", "type"]);
  if (typeof name !== "string" || !NAME.test(name) || RESERVED.includes(name))
    refuse(`${path}.name`, `a name, and not ${RESERVED.join(", ")}`, name);
  if (type === "address") return { name, type: { kind: "address" } };
  const open = typeof type === "string" ? PUBLIC_TYPES.get(type) : undefined;
  if (open !== undefined) return { name, type: { kind: "public", type: open } };
  return { name, type: { kind: "encrypted", type: encryptedType(type, `${path}.type`) } };
}

function parseStep(value: unknown, path: string): Step {
  const { circuit, inputs, outputs } = members(value, path, ["circuit", "inputs", "outputs"]);
  const names = texts(outputs, `${path}.outputs`);
  for (const [index, name] of names.entries())
    if (!NAME.test(name) || RESERVED.includes(name)) refuse(`${path}.outputs[${index}]`, "a name", name);
  return { circuit: text(circuit, `${path}.circuit`), inputs: texts(inputs, `${path}.inputs`), outputs: names };
}

function parseGrant(value: unknown, path: string): Grant {
  const { value: from, to, may } = members(value, path, ["value", "to", "may"]);
  if (may !== "use" && may !== "decrypt" && may !== "both") refuse(`${path}.may`, '"use", "decrypt" or "both"', may);
  return { value: text(from, `${path}.value`), to: text(to, `${path}.to`), may };
}

/** `5:euint64`, or undefined when the text is no constant. */
export function parseConstant(reference: string, path: string): { type: EncryptedType; value: bigint } | undefined {
  const match = CONSTANT.exec(reference);
  if (match === null) return undefined;
  const type = encryptedType(match[2], path);
  const value = BigInt(match[1]!);
  if (value >> BigInt(type.bits) !== 0n) refuse(path, `a value of ${type.bits} bits`, reference);
  return { type, value };
}

// ── shapes ────────────────────────────────────────────────────────────────────

function members(value: unknown, path: string, known: readonly string[]): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return refuse(path, "an object", value);
  for (const key of Object.keys(value))
    if (!known.includes(key)) refuse(`${path}.${key.slice(0, 80)}`, `one of ${known.join(", ")}`, key);
  return value as Record<string, unknown>;
}

function named(value: unknown, path: string, max: number): [string, unknown][] {
  if (value === undefined) return [];
  if (typeof value !== "object" || value === null || Array.isArray(value)) return refuse(path, "an object", value);
  const items = Object.entries(value);
  if (items.length > max) refuse(path, `at most ${max} members`, items.length);
  for (const [name] of items) if (!NAME.test(name)) refuse(path, "members with the names of identifiers", name);
  return items;
}

function list(value: unknown, path: string): unknown[] {
  if (!Array.isArray(value) || value.length > MEMBERS_MAX)
    return refuse(path, `an array of at most ${MEMBERS_MAX} items`, value);
  return value;
}

function texts(value: unknown, path: string): string[] {
  return list(value, path).map((item, index) => text(item, `${path}[${index}]`));
}

function text(value: unknown, path: string): string {
  return typeof value === "string" && value.length <= TEXT_MAX ? value : refuse(path, "a string", value);
}

function encryptedType(value: unknown, path: string): EncryptedType {
  return getEncryptedType(value) ?? refuse(path, `one of ${ENCRYPTED_TYPES.map(({ name }) => name).join(", ")}`, value);
}

export function refuse(path: string, expected: string, value: unknown): never {
  const received = typeof value === "string" ? value.slice(0, 80) : (JSON.stringify(value)?.slice(0, 80) ?? "nothing");
  throw new RejectedError("VALIDATION_ERROR", `${path}: expected ${expected}, received ${received}`, {
    path,
    expected,
    received,
  });
}
