/**
 * Admission: what can be decided about a transaction before anything of it runs, and what it means, in place in its batch.
 * Always
 *  - It changes nothing; what it throws is a RejectedError (or CONTRACT_NOT_FOUND), and no gas is charged.
 */
import { readU32, readU64 } from "../encoding/bytes.ts";
import { canonicalJson } from "../encoding/canonical-json.ts";
import { parseAddress, toHex } from "../encoding/hex.ts";
import { handleKey } from "../encoding/state-key.ts";
import { BodyForm, optionalFields, TransactionKind, TX_HEADER_BYTES } from "../encoding/transaction.ts";
import { lessThan, newUint256, readBigEndian, toBigInt } from "../encoding/uint256.ts";
import { EngineError, RejectedError } from "../errors.ts";
import { create2Address, createAddress } from "./contract-record.ts";
import type { Contracts, ResolvedContract } from "./contracts.ts";
import type { GasSchedule } from "./gas.ts";
import type { AdmittedCall, BlockContext, CallInput, ContractInfo } from "./host.ts";
import { codeHashOf, type Deployment, type Installation, upgradeOf } from "./lifecycle.ts";
import type { ChainParameters } from "./parameters.ts";
import type { StateTable } from "./state-table.ts";

/** The transaction admitted last; set anew for each, so that a batch allocates nothing for it. */
export class Admission implements CallInput, AdmittedCall {
  readonly #table: StateTable;
  readonly #contracts: Contracts;
  readonly #schedule: GasSchedule;
  readonly #parameters: ChainParameters;
  readonly #handles: number;
  readonly #balance = newUint256();
  readonly #amount = newUint256();
  #block!: BlockContext;
  /** Of keeping code that the chain does not have yet. */
  #newCodeGas = 0;
  bytes: Uint8Array = new Uint8Array(0);
  form = 0;
  start = 0;
  end = 0;
  kind = 0;
  gasLimit = 0;
  intrinsicGas = 0;
  value = 0n;
  senderSlot = 0;
  nonce = 0;
  /** Copied, not a view: a view costs more than the copy. */
  readonly sender = new Uint8Array(20);
  contract: ResolvedContract | undefined;
  deployment: Deployment | undefined;
  upgrade: Installation | undefined;
  /** The record that setStatus or setAdmin leaves. */
  changed: ContractInfo | undefined;

  constructor(table: StateTable, contracts: Contracts, schedule: GasSchedule, parameters: ChainParameters) {
    this.#table = table;
    this.#contracts = contracts;
    this.#schedule = schedule;
    this.#parameters = parameters;
    this.#handles = table.space(handleKey(new Uint8Array(0)));
  }

  /** Of the contract that is called. */
  get contractAddress(): Uint8Array {
    return this.contract!.info.address;
  }

  hasHandle(handle: Uint8Array): boolean {
    return this.#table.has(this.#table.slot(this.#handles, handle));
  }

  beginBlock(block: BlockContext): void {
    this.#block = block;
  }

  /** Static checks of the encoding at `at`, against the state as it is. Its nonce is filled in. */
  admit(bytes: Uint8Array, at: number): void {
    const schedule = this.#schedule;
    this.bytes = bytes;
    this.kind = bytes[at]!;
    this.form = bytes[at + 2]!;
    this.start = at + TX_HEADER_BYTES;
    this.end = this.start + readU32(bytes, at + 4);
    this.gasLimit = readU64(bytes, at + 16);
    copyAddress(bytes, at + 24, this.sender);
    this.contract = undefined;
    this.deployment = undefined;
    this.upgrade = undefined;
    this.changed = undefined;
    this.#newCodeGas = 0;
    this.value = 0n;
    this.intrinsicGas = schedule.transactionBase + schedule.bodyByte * (this.end - this.start);
    if (this.gasLimit > this.#parameters.transactionGasMax) {
      throw new RejectedError(
        "GAS_LIMIT_TOO_HIGH",
        `gasLimit ${this.gasLimit} is above the chain's ${this.#parameters.transactionGasMax}`,
        { gasLimit: String(this.gasLimit), transactionGasMax: String(this.#parameters.transactionGasMax) },
      );
    }
    this.senderSlot = this.#table.accountSlot(bytes, at + 24);
    this.nonce = readU64(bytes, at + 8);
    const expected = this.#table.nonce(this.senderSlot);
    if (this.nonce !== expected) {
      throw new RejectedError(
        "NONCE_MISMATCH",
        `sender ${toHex(this.sender)} must use nonce ${expected}, sent ${this.nonce}`,
        { sender: toHex(this.sender), expected, received: this.nonce },
      );
    }
    if (bytes[at + 1] !== 0) this.#admitOptional(at);
    switch (this.kind) {
      case TransactionKind.call:
        this.#admitCall(at);
        break;
      case TransactionKind.deploy:
        this.#admitDeploy(at);
        break;
      case TransactionKind.setStatus:
      case TransactionKind.setAdmin:
        this.#admitChange(at);
        break;
      default:
        this.#admitUpgrade(at);
    }
    if (this.gasLimit < this.intrinsicGas) {
      throw new RejectedError(
        "INTRINSIC_GAS_TOO_LOW",
        `gasLimit ${this.gasLimit} is below the ${this.intrinsicGas} that this transaction costs before it runs`,
        { gasLimit: String(this.gasLimit), intrinsicGas: String(this.intrinsicGas) },
      );
    }
  }

  #admitOptional(at: number): void {
    const fields = optionalFields(this.bytes, at);
    if (fields.validUntil !== undefined) {
      const last = readU64(this.bytes, fields.validUntil);
      const { height } = this.#block;
      if (height > last)
        throw new RejectedError("EXPIRED", `valid until height ${last}, the block has height ${height}`, {
          validUntilHeight: last,
          height,
        });
    }
    if (fields.value !== undefined) {
      readBigEndian(this.bytes, fields.value, 32, this.#amount);
      this.#table.load(this.senderSlot, this.#balance);
      this.value = toBigInt(this.#amount);
      if (lessThan(this.#balance, this.#amount)) {
        throw new RejectedError(
          "INSUFFICIENT_BALANCE",
          `sender ${toHex(this.sender)} has ${toBigInt(this.#balance)}, the value is ${this.value}`,
          { balance: String(toBigInt(this.#balance)), value: String(this.value) },
        );
      }
    }
  }

  #admitCall(at: number): void {
    this.contract = this.#contracts.resolve(this.bytes, at + 44);
    if (this.contract === undefined) {
      if (this.form === BodyForm.none) return;
      const address = toHex(this.bytes, at + 44, at + 64);
      throw new EngineError("CONTRACT_NOT_FOUND", `no contract stands at ${address}`, { address });
    }
    if (this.form === BodyForm.entrypoint || this.form === BodyForm.json)
      this.contract.engine.admitCall(this.contract.code, this, this);
  }

  #admitDeploy(at: number): void {
    const body = this.bytes.subarray(this.start, this.end);
    const { admin, ...contract } = parseObject(body);
    const type = contract["type"];
    const engine = this.#contracts.engines.find(
      (candidate) => typeof type === "string" && candidate.types.includes(type),
    );
    if (engine === undefined) {
      const known = this.#contracts.engines.flatMap((candidate) => candidate.types);
      throw new RejectedError(
        "UNSUPPORTED_CONTRACT",
        `no engine deploys contracts of type ${JSON.stringify(type)}; this daemon has ${known.join(", ")}`,
        { path: "contract.type", received: type, known },
      );
    }
    const { code, gas } = engine.admitDeploy(contract, (hash) => this.#contracts.code(hash));
    const codeHash = this.#admitCode(code);
    const { salt } = optionalFields(this.bytes, at);
    const address =
      salt === undefined
        ? createAddress(this.sender, this.nonce)
        : create2Address(this.sender, this.bytes.subarray(salt, salt + 32), body);
    if (this.#contracts.has(address))
      throw new RejectedError("ADDRESS_IN_USE", `a contract already stands at ${toHex(address)}`, {
        address: toHex(address),
      });
    this.intrinsicGas += this.#schedule.deployBase + gas;
    this.deployment = { engine, code, codeHash, contract, admin: parseAdmin(admin, this.sender), address };
  }

  /** Code that the chain has already costs nothing again. */
  #admitCode(code: Uint8Array): Uint8Array {
    if (code.length > this.#parameters.codeBytesMax)
      throw new RejectedError(
        "CODE_REJECTED",
        `the code has ${code.length} bytes, the chain allows ${this.#parameters.codeBytesMax}`,
        { bytes: code.length, max: this.#parameters.codeBytesMax },
      );
    const codeHash = codeHashOf(code);
    if (!this.#contracts.hasCode(codeHash)) this.#newCodeGas = this.#schedule.codeByte * code.length;
    this.intrinsicGas += this.#newCodeGas;
    return codeHash;
  }

  #admitUpgrade(at: number): void {
    const contract = this.#requireOwn(at);
    const { engine, info } = contract;
    if (engine.admitUpgrade === undefined)
      throw new RejectedError("UNSUPPORTED_TRANSACTION", `contracts of type ${info.type} keep their code`, {
        kind: "upgrade",
        type: info.type,
      });
    const description = parseObject(this.bytes.subarray(this.start, this.end));
    if (description["type"] !== info.type)
      throw new RejectedError(
        "VALIDATION_ERROR",
        `contract.type: expected ${JSON.stringify(info.type)}, received ${JSON.stringify(description["type"])}`,
        { path: "contract.type", expected: info.type, received: description["type"] },
      );
    const { code, gas } = engine.admitUpgrade(description, (hash) => this.#contracts.code(hash));
    const codeHash = this.#admitCode(code);
    this.intrinsicGas += this.#schedule.stateWrite + gas;
    this.upgrade = upgradeOf(contract, code, codeHash, description);
  }

  /** The contract that the transaction names, of which the sender is the admin. */
  #requireOwn(at: number): ResolvedContract {
    const contract = this.#contracts.resolve(this.bytes, at + 44);
    const address = toHex(this.bytes, at + 44, at + 64);
    if (contract === undefined)
      throw new EngineError("CONTRACT_NOT_FOUND", `no contract stands at ${address}`, { address });
    const admin = contract.info.admin === undefined ? undefined : toHex(contract.info.admin);
    if (admin !== toHex(this.sender))
      throw new RejectedError(
        "NOT_ADMIN",
        `the admin of ${address} is ${admin ?? "nobody"}, the sender ${toHex(this.sender)}`,
        { address, admin: admin ?? null, sender: toHex(this.sender) },
      );
    if (this.value !== 0n)
      throw new RejectedError("INVALID_AMOUNT", "this kind of transaction carries no value", {
        path: "value",
        expected: "0",
        received: String(this.value),
      });
    return contract;
  }

  #admitChange(at: number): void {
    const contract = this.#requireOwn(at);
    const body = parseObject(this.bytes.subarray(this.start, this.end));
    if (this.kind === TransactionKind.setStatus) {
      const { status } = body;
      if (status !== "active" && status !== "paused")
        throw new RejectedError("VALIDATION_ERROR", `status: expected "active" or "paused"`, {
          path: "status",
          expected: '"active" or "paused"',
          received: status,
        });
      this.changed = { ...contract.info, status };
    } else {
      this.changed = { ...contract.info, admin: parseAdmin(body["admin"], undefined) };
    }
    this.intrinsicGas += this.#schedule.stateWrite;
  }

  /** What `intrinsicGas` is made of, by item. */
  intrinsicItems(): [item: string, amount: number][] {
    const { transactionBase, bodyByte, deployBase, stateWrite } = this.#schedule;
    const items: [string, number][] = [
      ["transactionBase", transactionBase],
      ["bodyByte", bodyByte * (this.end - this.start)],
    ];
    if (this.deployment !== undefined) items.push(["deployBase", deployBase]);
    if (this.changed !== undefined || this.upgrade !== undefined) items.push(["stateWrite", stateWrite]);
    if (this.#newCodeGas > 0) items.push(["codeByte", this.#newCodeGas]);
    const rest = this.intrinsicGas - items.reduce((sum, [, amount]) => sum + amount, 0);
    if (rest > 0) items.push(["admission", rest]);
    return items;
  }

  /** Prepares a query of the call encoded at `at`. @throws RejectedError, CONTRACT_NOT_FOUND. */
  admitQuery(bytes: Uint8Array, at: number): void {
    this.bytes = bytes;
    this.kind = TransactionKind.call;
    this.form = bytes[at + 2]!;
    this.start = at + TX_HEADER_BYTES;
    this.end = this.start + readU32(bytes, at + 4);
    this.gasLimit = readU64(bytes, at + 16);
    copyAddress(bytes, at + 24, this.sender);
    this.value = 0n;
    this.#admitCall(at);
  }
}

function copyAddress(from: Uint8Array, at: number, to: Uint8Array): void {
  for (let i = 0; i < 20; i++) to[i] = from[at + i]!;
}

function parseObject(bytes: Uint8Array): Record<string, unknown> {
  let parsed: unknown;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new RejectedError("VALIDATION_ERROR", "the body is not JSON", { path: "body", expected: "canonical JSON" });
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    throw new RejectedError("VALIDATION_ERROR", "the body is not a JSON object", {
      path: "body",
      expected: "an object",
    });
  if (canonicalJson(parsed) !== text)
    throw new RejectedError("VALIDATION_ERROR", "the body is not canonical JSON", {
      path: "body",
      expected: "keys sorted, no white space",
    });
  return parsed as Record<string, unknown>;
}

/** The admin that a body names: null is nobody, and what is not said falls to `otherwise`. */
function parseAdmin(admin: unknown, otherwise: Uint8Array | undefined): Uint8Array | undefined {
  if (admin === undefined) return otherwise?.slice();
  if (admin === null) return undefined;
  const parsed = typeof admin === "string" ? parseAddress(admin) : undefined;
  if (parsed === undefined)
    throw new RejectedError("INVALID_ADDRESS", "admin: expected an address, or null for nobody", {
      path: "admin",
      expected: "an address or null",
      received: admin,
    });
  return parsed;
}
