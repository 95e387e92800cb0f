/**
 * An entrypoint of a manifest, its names resolved: what runs when it is called.
 *   names ── resolve, types checked ──▶ EntrypointPlan ── run(frame, caller's values) ──▶ returned handles
 * Always
 *  - Everything that can be wrong with a manifest is found when it is deployed: running only reads, applies and writes.
 */

import { type Handle, NO_HANDLE } from "../../encoding/encrypted-handle.ts";
import type { EncryptedType } from "../../encoding/encrypted-type.ts";
import type { CallValue } from "./call-values.ts";
import type { EncryptedFrame } from "./encrypted-frame.ts";
import { Permission } from "./handle-record.ts";
import {
  type Grant,
  type Manifest,
  type ManifestEntrypoint,
  type ManifestInput,
  type ManifestState,
  parseConstant,
  refuse,
  type Step,
} from "./manifest.ts";
import type { PlacedCircuit } from "./privacy-program.ts";
import type { PrivacyEntrypoint } from "./standard-entrypoints.ts";

/** What one call works with: handles of inputs and steps by name, accounts by name. */
interface Scope {
  readonly frame: EncryptedFrame;
  readonly owner: Uint8Array;
  readonly values: Map<string, CallValue>;
}

type Read<T> = (scope: Scope) => T;
type Place = { readonly type: EncryptedType; readonly key: Read<Uint8Array> };
type Typed = { readonly type: EncryptedType; readonly read: Read<Handle>; readonly place?: Place };

const PLACE = /^state\.(\w+)(?:\[(\w+)\])?$/;
const PERMISSIONS = {
  use: Permission.use,
  decrypt: Permission.decrypt,
  both: Permission.use | Permission.decrypt,
} as const;

export class EntrypointPlan implements PrivacyEntrypoint {
  readonly name: string;
  readonly inputs: readonly ManifestInput[];
  readonly returns: readonly string[];
  readonly isView: boolean;
  readonly isOwnerOnly: boolean;
  readonly #types = new Map<string, EncryptedType>();
  readonly #states: ReadonlyMap<string, ManifestState>;
  readonly #path: string;
  readonly #steps: readonly ((scope: Scope) => void)[];
  readonly #results: readonly Read<Handle>[];

  constructor(entrypoint: ManifestEntrypoint, manifest: Manifest, circuits: readonly PlacedCircuit[]) {
    this.name = entrypoint.name;
    this.inputs = entrypoint.inputs;
    this.returns = entrypoint.returns.map(() => "bytes32");
    this.isOwnerOnly = entrypoint.isOwnerOnly;
    this.#path = `contract.manifest.entrypoints.${entrypoint.name}`;
    this.#states = new Map(manifest.state.map((state) => [state.name, state]));
    for (const { name, type } of entrypoint.inputs) {
      if (this.#types.has(name)) refuse(`${this.#path}.inputs`, "inputs of different names", name);
      if (type.kind === "encrypted" || type.kind === "public") this.#types.set(name, type.type);
    }
    const byName = new Map(manifest.circuits.map(({ name }, index) => [name, circuits[index]!]));
    this.#steps = [
      ...entrypoint.steps.map((step, index) => this.#step(step, byName, `${this.#path}.steps[${index}]`)),
      ...entrypoint.set.map(({ place, value }) => this.#set(place, value)),
      ...entrypoint.allow.map((grant, index) => this.#grant(grant, `${this.#path}.allow[${index}]`)),
    ];
    const returned = entrypoint.returns.map((value, index) => this.#value(value, `${this.#path}.returns[${index}]`));
    this.#results = returned.map(({ read, place }) =>
      place === undefined ? read : (scope) => scope.frame.load(place.key(scope)) ?? NO_HANDLE,
    );
    this.isView = this.#steps.length === 0 && this.#types.size === 0;
  }

  /** @param owner of the contract. */
  run(frame: EncryptedFrame, owner: Uint8Array, given: readonly CallValue[]): Handle[] {
    const scope: Scope = { frame, owner, values: new Map() };
    this.inputs.forEach(({ name, type }, index) => {
      const value = given[index]!;
      if (type.kind === "encrypted") scope.values.set(name, frame.argument(value as Handle, type.type));
      else if (type.kind === "public") scope.values.set(name, frame.constant(type.type, value as bigint));
      else scope.values.set(name, value);
    });
    for (const step of this.#steps) step(scope);
    return this.#results.map((read) => read(scope));
  }

  // ── resolving ───────────────────────────────────────────────────────────────

  #step(step: Step, circuits: ReadonlyMap<string, PlacedCircuit>, path: string): (scope: Scope) => void {
    const placed =
      circuits.get(step.circuit) ??
      refuse(`${path}.circuit`, `one of ${[...circuits.keys()].join(", ")}`, step.circuit);
    const { inputs, outputs } = placed;
    if (step.inputs.length !== inputs.length) refuse(`${path}.inputs`, `${inputs.length} values`, step.inputs.length);
    if (step.outputs.length !== outputs.length)
      refuse(`${path}.outputs`, `${outputs.length} names`, step.outputs.length);
    const reads = step.inputs.map((name, index) => this.#valueOfType(name, inputs[index]!, `${path}.inputs[${index}]`));
    step.outputs.forEach((name, index) => {
      if (this.#types.has(name) || this.#isAddress(name))
        refuse(`${path}.outputs[${index}]`, "a name not yet used", name);
      this.#types.set(name, outputs[index]!);
    });
    return (scope) => {
      const results = scope.frame.apply(
        placed,
        reads.map((read) => read(scope)),
      );
      step.outputs.forEach((name, index) => {
        scope.values.set(name, results[index]!);
      });
    };
  }

  #set(name: string, value: string): (scope: Scope) => void {
    const path = `${this.#path}.set.${name}`;
    const place = this.#place(name, path) ?? refuse(path, "state.name, or state.name[account]", name);
    const read = this.#valueOfType(value, place.type, path);
    return (scope) => scope.frame.store(place.key(scope), read(scope));
  }

  #grant({ value, to, may }: Grant, path: string): (scope: Scope) => void {
    const { read } = this.#value(value, `${path}.value`);
    const account = this.#account(to, `${path}.to`);
    const permissions = PERMISSIONS[may];
    return (scope) => scope.frame.allow(read(scope), account(scope), permissions);
  }

  #valueOfType(name: string, type: EncryptedType, path: string): Read<Handle> {
    const value = this.#value(name, path);
    if (value.type !== type) refuse(path, `a value of type ${type.name}`, `${name} of type ${value.type.name}`);
    return value.read;
  }

  #value(name: string, path: string): Typed {
    const constant = parseConstant(name, path);
    if (constant !== undefined)
      return { type: constant.type, read: ({ frame }) => frame.constant(constant.type, constant.value) };
    const place = this.#place(name, path);
    if (place !== undefined) {
      const { type, key } = place;
      return { type, place, read: (scope) => scope.frame.load(key(scope)) ?? scope.frame.constant(type, 0n) };
    }
    const type =
      this.#types.get(name) ?? refuse(path, `one of ${[...this.#types.keys()].join(", ")}, or state.…`, name);
    return { type, read: ({ values }) => values.get(name) as Handle };
  }

  /** A place of the state; undefined when the name has not the form of one. */
  #place(name: string, path: string): Place | undefined {
    const match = PLACE.exec(name);
    if (match === null) return undefined;
    const state =
      this.#states.get(match[1]!) ?? refuse(path, `one of ${[...this.#states.keys()].join(", ")}`, match[1]);
    if (state.isByAddress !== (match[2] !== undefined))
      refuse(path, state.isByAddress ? `state.${state.name}[account]` : `state.${state.name}`, name);
    const prefix = Buffer.from(`enc:${state.name}${state.isByAddress ? ":" : ""}`, "utf8");
    if (match[2] === undefined) return { type: state.type, key: () => prefix };
    const account = this.#account(match[2], path);
    return { type: state.type, key: (scope) => joined(prefix, account(scope)) };
  }

  #account(name: string, path: string): Read<Uint8Array> {
    if (name === "sender") return ({ frame }) => frame.host.caller;
    if (name === "contract") return ({ frame }) => frame.host.address;
    if (name === "owner") return ({ owner }) => owner;
    if (!this.#isAddress(name)) refuse(path, "sender, owner, contract, or an input of type address", name);
    return ({ values }) => values.get(name) as Uint8Array;
  }

  #isAddress(name: string): boolean {
    return this.inputs.some((input) => input.name === name && input.type.kind === "address");
  }
}

/** As `Buffer.concat`, for a few bytes: without a share of its pool. */
function joined(prefix: Uint8Array, rest: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(prefix.length + rest.length);
  bytes.set(prefix);
  bytes.set(rest, prefix.length);
  return bytes;
}
