/**
 * EncryptedFrame: what a privacy contract computes with while it runs. Nothing is evaluated: circuits are applied to
 * handles, and what comes of it are handles.
 *   argument, load, constant ──▶ Handle ── apply(circuit) ──▶ Handle ── store, allow ──▶ state
 * Always
 *  - A handle gets in only if the caller may use it, it is of the contract's key, and of the type that is wanted.
 *  - `close` writes each record once, however often the call changed it. A call that reverts writes nothing.
 */
import { equalBytes, toLatin1 } from "../../encoding/bytes.ts";
import {
  applicationId,
  constantHandle,
  HANDLE_BYTES,
  type Handle,
  Origin,
  originOf,
  resultHandle,
  typeOfHandle,
} from "../../encoding/encrypted-handle.ts";
import type { EncryptedType } from "../../encoding/encrypted-type.ts";
import { BodyForm } from "../../encoding/transaction.ts";
import type { HostContext } from "../../execution/host.ts";
import { HandleLeaf } from "./handle-leaf.ts";
import { newHandleRecord, Permission, type Source } from "./handle-record.ts";
import { circuitGas, EVALUATE_CALL_GAS, INPUT_CALL_GAS, resultGas } from "./privacy-gas.ts";
import type { PlacedCircuit } from "./privacy-program.ts";
import { RecordRoom } from "./record-room.ts";
import { PRIVACY_ERRORS, Refusal } from "./refusal.ts";

const CONSTANT_BYTES = 16;
/** One frame at a time: privacy contracts call nobody. */
const ROOM = new RecordRoom();
const make = (length: number) => ROOM.make(length);
const NOBODY = new Uint8Array(20);

export class EncryptedFrame {
  readonly host: HostContext;
  readonly #keyId: Uint8Array;
  readonly #codeHash: Uint8Array;
  /** Whether the call was admitted, and with it the ciphertexts that its arguments name. */
  readonly #isAdmitted: boolean;
  readonly #leaves = new Map<string, HandleLeaf>();

  constructor(host: HostContext, contract: { keyId: Uint8Array; codeHash: Uint8Array }, form: number) {
    this.host = host;
    this.#keyId = contract.keyId;
    this.#codeHash = contract.codeHash;
    ROOM.clear();
    this.#isAdmitted = form === BodyForm.entrypoint && equalBytes(host.caller, host.sender);
  }

  /** Takes a handle that the caller brings. @throws Refusal */
  argument(handle: Handle, type: EncryptedType): Handle {
    const received = typeOfHandle(handle);
    if (received !== type)
      throw new Refusal(PRIVACY_ERRORS.HandleWrongType, [handle, type.name, received?.name ?? "no type"]);
    const leaf = this.#find(handle) ?? this.#register(handle);
    if (!leaf.isOfKey(this.#keyId))
      throw new Refusal(PRIVACY_ERRORS.HandleOtherKey, [handle, this.#keyId, leaf.keyId()]);
    if (leaf.isExpired(this.host.block.height)) throw new Refusal(PRIVACY_ERRORS.HandleExpired, [handle]);
    requirePermissionOf(leaf, this.host.caller, Permission.use);
    requirePermissionOf(leaf, this.host.address, Permission.use);
    return handle;
  }

  /** A ciphertext's first use: admission has seen that it is there, and bound to sender, contract, key and type. */
  #register(handle: Handle): HandleLeaf {
    if (!this.#isAdmitted || originOf(handle) !== Origin.input)
      throw new Refusal(PRIVACY_ERRORS.HandleUnknown, [handle]);
    const { host } = this;
    host.charge("privacyInput", INPUT_CALL_GAS + resultGas(typeOfHandle(handle)!.bits));
    const leaf = this.#create(handle, host.address, { origin: Origin.input, owner: host.caller });
    leaf.allow(host.caller, Permission.use | Permission.decrypt);
    return leaf;
  }

  /** A value that everyone knows, as a handle. */
  constant(type: EncryptedType, value: bigint): Handle {
    const bytes = new Uint8Array(CONSTANT_BYTES);
    for (let i = 0; i < CONSTANT_BYTES; i++) bytes[i] = Number((value >> BigInt(8 * i)) & 255n);
    const handle = constantHandle(this.#keyId, type, bytes);
    if (this.#find(handle) === undefined) this.#create(handle, NOBODY, { origin: Origin.constant, value: bytes });
    return handle;
  }

  /** Orders the evaluation of a circuit. Its inputs were taken by this frame. */
  apply(placed: PlacedCircuit, inputs: readonly Handle[]): Handle[] {
    const { host } = this;
    const price = circuitGas(placed.counts);
    host.charge("privacyCall", EVALUATE_CALL_GAS);
    host.charge("privacyGates", price.gates);
    host.charge("privacyLevels", price.levels);
    const application = applicationId(host.address, this.#codeHash, placed.index, inputs);
    return placed.outputs.map((type, output) => {
      const handle = resultHandle(application, output, type);
      if (this.#find(handle) !== undefined) return handle;
      host.charge("privacyResult", resultGas(type.bits));
      this.#create(handle, host.address, {
        origin: Origin.computed,
        codeHash: this.#codeHash,
        circuit: placed.index,
        output,
        inputs,
      });
      return handle;
    });
  }

  /** The handle that this contract's state holds under a key. */
  load(key: Uint8Array): Handle | undefined {
    return this.host.get(key);
  }

  /** Puts a handle into the state, in the place of the one that is there. */
  store(key: Uint8Array, handle: Handle): void {
    const before = this.host.get(key);
    if (before !== undefined && equalBytes(before, handle)) return;
    this.#count(handle, 1);
    if (before !== undefined) this.#count(before, -1);
    this.host.set(key, handle);
  }

  #count(handle: Handle, change: 1 | -1): void {
    const leaf = this.#leaf(handle);
    if (!leaf.isConstant) leaf.count(change, this.host.block.height);
  }

  /** Adds to what an account may do with a handle. Nothing is ever taken away: what was given cannot be unseen. */
  allow(handle: Handle, account: Uint8Array, permissions: number): void {
    const leaf = this.#leaf(handle);
    if (!leaf.isConstant && !leaf.allow(account, permissions))
      throw new Refusal(PRIVACY_ERRORS.HandleAccessesFull, [handle]);
  }

  /** @throws Refusal HandleUnknown, HandleNotAllowed */
  requirePermission(handle: Handle, account: Uint8Array, permission: number): void {
    requirePermissionOf(this.#leaf(handle), account, permission);
  }

  close(): void {
    for (const { handle, bytes, isChanged } of this.#leaves.values()) if (isChanged) this.host.setHandle(handle, bytes);
  }

  // ── records ─────────────────────────────────────────────────────────────────

  #leaf(handle: Handle): HandleLeaf {
    const leaf = this.#find(handle);
    if (leaf === undefined) throw new Refusal(PRIVACY_ERRORS.HandleUnknown, [handle]);
    return leaf;
  }

  #find(handle: Handle): HandleLeaf | undefined {
    const name = toLatin1(handle, 0, HANDLE_BYTES);
    const known = this.#leaves.get(name);
    if (known !== undefined) return known;
    const bytes = this.host.getHandle(handle);
    if (bytes === undefined) return undefined;
    const leaf = new HandleLeaf(ROOM, handle, bytes, false);
    this.#leaves.set(name, leaf);
    return leaf;
  }

  #create(handle: Handle, contract: Uint8Array, source: Source): HandleLeaf {
    // A constant belongs to no height: its record is the same whoever makes it first.
    const height = source.origin === Origin.constant ? 0 : this.host.block.height;
    const record = newHandleRecord(height, this.#keyId, contract, source, make);
    const leaf = new HandleLeaf(ROOM, handle, record, true);
    this.#leaves.set(toLatin1(handle, 0, HANDLE_BYTES), leaf);
    return leaf;
  }
}

function requirePermissionOf(leaf: HandleLeaf, account: Uint8Array, permission: number): void {
  if ((leaf.permissions(account) & permission) === 0)
    throw new Refusal(PRIVACY_ERRORS.HandleNotAllowed, [leaf.handle, account]);
}
