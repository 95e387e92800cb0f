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
import {
  ACCESSES_MAX,
  decodeHandleRecord,
  encodeHandleRecord,
  type HandleRecord,
  isExpired,
  Permission,
  permissionsOf,
} from "./handle-record.ts";
import { circuitGas, EVALUATE_CALL_GAS, INPUT_CALL_GAS, resultGas } from "./privacy-gas.ts";
import type { PlacedCircuit } from "./privacy-program.ts";
import { PRIVACY_ERRORS, Refusal } from "./refusal.ts";

interface Entry {
  readonly handle: Handle;
  readonly record: HandleRecord;
  isChanged: boolean;
}

const CONSTANT_BYTES = 16;
const NOBODY = new Uint8Array(20);

export class EncryptedFrame {
  readonly host: HostContext;
  readonly #keyId: Uint8Array;
  readonly #codeHash: Uint8Array;
  /** Whether the call was admitted, and with it the ciphertexts that its arguments name. */
  readonly #isAdmitted: boolean;
  readonly #entries = new Map<string, Entry>();

  constructor(host: HostContext, contract: { keyId: Uint8Array; codeHash: Uint8Array }, form: number) {
    this.host = host;
    this.#keyId = contract.keyId;
    this.#codeHash = contract.codeHash;
    this.#isAdmitted = form === BodyForm.entrypoint && equalBytes(host.caller, host.sender);
  }

  /** Takes a handle that the caller brings. @throws Refusal */
  argument(handle: Handle, type: EncryptedType): Handle {
    const received = typeOfHandle(handle);
    if (received !== type)
      throw new Refusal(PRIVACY_ERRORS.HandleWrongType, [handle, type.name, received?.name ?? "no type"]);
    const { record } = this.#find(handle) ?? this.#register(handle);
    if (!equalBytes(record.keyId, this.#keyId))
      throw new Refusal(PRIVACY_ERRORS.HandleOtherKey, [handle, this.#keyId, record.keyId]);
    if (isExpired(record, this.host.block.height)) throw new Refusal(PRIVACY_ERRORS.HandleExpired, [handle]);
    this.#require(handle, record, this.host.caller, Permission.use);
    this.#require(handle, record, this.host.address, Permission.use);
    return handle;
  }

  /** A ciphertext's first use: admission has seen that it is there, and bound to sender, contract, key and type. */
  #register(handle: Handle): Entry {
    if (!this.#isAdmitted || originOf(handle) !== Origin.input)
      throw new Refusal(PRIVACY_ERRORS.HandleUnknown, [handle]);
    const { host } = this;
    host.charge("privacyInput", INPUT_CALL_GAS + resultGas(typeOfHandle(handle)!.bits));
    const owner = host.caller.slice();
    return this.#create(handle, {
      references: 0,
      height: host.block.height,
      keyId: this.#keyId,
      contract: host.address,
      source: { origin: Origin.input, owner },
      accesses: [{ account: owner, permissions: Permission.use | Permission.decrypt }],
    });
  }

  /** A value that everyone knows, as a handle. */
  constant(type: EncryptedType, value: bigint): Handle {
    const bytes = new Uint8Array(CONSTANT_BYTES);
    for (let i = 0; i < CONSTANT_BYTES; i++) bytes[i] = Number((value >> BigInt(8 * i)) & 255n);
    const handle = constantHandle(this.#keyId, type, bytes);
    if (this.#find(handle) === undefined)
      this.#create(handle, {
        references: 0,
        height: 0,
        keyId: this.#keyId,
        contract: NOBODY,
        source: { origin: Origin.constant, value: bytes },
        accesses: [],
      });
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
      this.#create(handle, {
        references: 0,
        height: host.block.height,
        keyId: this.#keyId,
        contract: host.address,
        source: { origin: Origin.computed, codeHash: this.#codeHash, circuit: placed.index, output, inputs },
        accesses: [],
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
    const entry = this.#entry(handle);
    if (entry.record.source.origin === Origin.constant) return;
    entry.record.references += change;
    if (entry.record.references === 0) entry.record.height = this.host.block.height;
    entry.isChanged = true;
  }

  /** Adds to what an account may do with a handle. Nothing is ever taken away: what was given cannot be unseen. */
  allow(handle: Handle, account: Uint8Array, permissions: number): void {
    const entry = this.#entry(handle);
    const { accesses, source } = entry.record;
    if (source.origin === Origin.constant) return;
    const known = accesses.find((access) => equalBytes(access.account, account));
    if (known !== undefined) {
      if ((known.permissions & permissions) === permissions) return;
      known.permissions |= permissions;
    } else {
      if (accesses.length >= ACCESSES_MAX) throw new Refusal(PRIVACY_ERRORS.HandleAccessesFull, [handle]);
      accesses.push({ account: account.slice(), permissions });
    }
    entry.isChanged = true;
  }

  /** Whether an account may do something with a handle. @throws Refusal HandleUnknown, HandleNotAllowed */
  requirePermission(handle: Handle, account: Uint8Array, permission: number): void {
    this.#require(handle, this.#entry(handle).record, account, permission);
  }

  close(): void {
    for (const { handle, record, isChanged } of this.#entries.values())
      if (isChanged) this.host.setHandle(handle, encodeHandleRecord(record));
  }

  // ── records ─────────────────────────────────────────────────────────────────

  #require(handle: Handle, record: HandleRecord, account: Uint8Array, permission: number): void {
    if ((permissionsOf(record, account) & permission) === 0)
      throw new Refusal(PRIVACY_ERRORS.HandleNotAllowed, [handle, account]);
  }

  #entry(handle: Handle): Entry {
    const entry = this.#find(handle);
    if (entry === undefined) throw new Refusal(PRIVACY_ERRORS.HandleUnknown, [handle]);
    return entry;
  }

  #find(handle: Handle): Entry | undefined {
    const name = toLatin1(handle, 0, HANDLE_BYTES);
    const known = this.#entries.get(name);
    if (known !== undefined) return known;
    const bytes = this.host.getHandle(handle);
    if (bytes === undefined) return undefined;
    const entry = { handle: handle.slice(), record: decodeHandleRecord(handle, bytes), isChanged: false };
    this.#entries.set(name, entry);
    return entry;
  }

  #create(handle: Handle, record: HandleRecord): Entry {
    const entry = { handle: handle.slice(), record, isChanged: true };
    this.#entries.set(toLatin1(handle, 0, HANDLE_BYTES), entry);
    return entry;
  }
}
