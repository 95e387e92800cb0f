/**
 * Lifecycle: what makes a contract and what changes one: deployments, upgrades and hand-overs, asked for by a transaction or
 * by another contract. What code means is its engine's; who may do it, where a contract stands and what is kept is decided here.
 *   transaction ── Admission ──┐
 *   contract ── HostContext ───┴──▶ Installation ── in a frame ──▶ code, record ──▶ engine.deploy or engine.upgrade
 * Always
 *  - What another contract asks for never throws but for its own gas and for writing where it may not: it is refused.
 *  - Old code stays on the chain: others run it, and older blocks did.
 */
import { createHash } from "node:crypto";
import { equalBytes } from "../encoding/bytes.ts";
import { toHex } from "../encoding/hex.ts";
import { RejectedError } from "../errors.ts";
import { createAddress } from "./contract-record.ts";
import type { ResolvedContract } from "./contracts.ts";
import { contractSpace, type Frame, type TransactionScope } from "./frame.ts";
import { Halt } from "./gas.ts";
import type { CallOutcome, ContractEngine, ContractInfo, DeployRequest, Outcome, UpgradeRequest } from "./host.ts";

const EMPTY = new Uint8Array(0);
export const NO_WORK: CallOutcome = { status: "success", returnData: EMPTY, gasUsed: 0 };
export const REFUSED: CallOutcome = { status: "reverted", returnData: EMPTY, gasUsed: 0 };
export const TOO_DEEP: CallOutcome = { status: "halted", returnData: EMPTY, gasUsed: 0, haltReason: "CallDepth" };

/** An admitted deployment. */
export interface Deployment {
  engine: ContractEngine;
  code: Uint8Array;
  codeHash: Uint8Array;
  /** The `contract` object without its admin. */
  contract: Record<string, unknown>;
  admin: Uint8Array | undefined;
  address: Uint8Array;
}

/** Code that a contract gets, with the record that it then has. */
export interface Installation {
  readonly contract: ResolvedContract;
  /** The `contract` object, without an admin. */
  readonly description: Record<string, unknown>;
  readonly kind: "deploy" | "upgrade";
}

/** Runs an installation in the frame below the caller's. */
export type Installer = (caller: Frame, installation: Installation, value: bigint, gasLimit: number) => CallOutcome;

export class Lifecycle {
  readonly #scope: TransactionScope;
  readonly #install: Installer;

  constructor(scope: TransactionScope, install: Installer) {
    this.#scope = scope;
    this.#install = install;
  }

  /** What a transaction's deployment installs. */
  deployment({ engine, code, codeHash, contract, admin, address }: Deployment, creator: Uint8Array): Installation {
    return this.#newContract(engine, { code, codeHash, description: contract, admin, address, creator });
  }

  /** Puts code and record in place and runs what the engine runs then. @param host of the contract's own frame. */
  run(host: Frame, { contract, description, kind }: Installation): Outcome {
    const { info, engine, code } = contract;
    this.#scope.contracts.setCode(info.codeHash, code.code);
    this.#scope.contracts.setRecord(info);
    if (kind === "upgrade") return engine.upgrade!(host, code.code, description["message"]);
    return engine.deploy(host, code.code, description);
  }

  // ── asked for by a contract ─────────────────────────────────────────────────

  deployFrom(caller: Frame, request: DeployRequest): CallOutcome & { address: Uint8Array } {
    const { schedule, parameters, contracts, ledger } = this.#scope;
    const { codeHash, init, admin, value, gasLimit } = request;
    requireWritable(caller);
    caller.charge("callBase", schedule.callBase);
    caller.charge("deployBase", schedule.deployBase);
    const address = request.address ?? this.#nextAddress(caller.address);
    if (caller.depth + 1 >= parameters.callDepthMax) return { ...TOO_DEEP, address };
    if (contracts.has(address) || !ledger.covers(caller.address, value)) return { ...REFUSED, address };
    const { engine, info } = contracts.resolve(caller.address, 0)!;
    const description = { type: info.type, codeHash: toHex(codeHash), init };
    const admitted = admittedOrRefused(() => engine.admitDeploy(description, (hash) => contracts.code(hash)));
    if (admitted === undefined) return { ...REFUSED, address };
    const { code, gas } = admitted;
    caller.charge("deployment", gas);
    const creator = caller.address;
    const installation = this.#newContract(engine, { code, codeHash, description, admin, address, creator });
    return { ...this.#install(caller, installation, value, gasLimit), address };
  }

  upgradeFrom(caller: Frame, { to, codeHash, message, gasLimit }: UpgradeRequest): CallOutcome {
    const { schedule, parameters, contracts } = this.#scope;
    requireWritable(caller);
    caller.charge("callBase", schedule.callBase);
    caller.charge("stateWrite", schedule.stateWrite);
    if (caller.depth + 1 >= parameters.callDepthMax) return TOO_DEEP;
    const contract = contracts.resolve(to, 0);
    if (contract === undefined || !isAdmin(contract.info, caller.address)) return REFUSED;
    const description = { type: contract.info.type, codeHash: toHex(codeHash), message };
    const admitted = admittedOrRefused(() =>
      contract.engine.admitUpgrade?.(description, (hash) => contracts.code(hash)),
    );
    if (admitted === undefined) return REFUSED;
    caller.charge("deployment", admitted.gas);
    return this.#install(caller, upgradeOf(contract, admitted.code, codeHash, description), 0n, gasLimit);
  }

  setAdminFrom(caller: Frame, to: Uint8Array, admin: Uint8Array | undefined): CallOutcome {
    const { schedule, contracts } = this.#scope;
    requireWritable(caller);
    caller.charge("stateRead", schedule.stateRead);
    const info = contracts.resolve(to, 0)?.info;
    if (info === undefined || !isAdmin(info, caller.address)) return REFUSED;
    caller.charge("stateWrite", schedule.stateWrite);
    contracts.setRecord({ ...info, admin: admin?.slice() });
    return NO_WORK;
  }

  /** As Ethereum's CREATE from a contract: its nonce counts from 1, and is used whatever comes of it. */
  #nextAddress(creator: Uint8Array): Uint8Array {
    const { table } = this.#scope;
    const slot = table.accountSlot(creator, 0);
    const nonce = table.nonce(slot) + 1;
    table.setNonce(slot, nonce);
    return createAddress(creator, nonce);
  }

  #newContract(
    engine: ContractEngine,
    made: {
      code: Uint8Array;
      codeHash: Uint8Array;
      description: Record<string, unknown>;
      admin: Uint8Array | undefined;
      address: Uint8Array;
      creator: Uint8Array;
    },
  ): Installation {
    const { table, block } = this.#scope;
    const { code, codeHash, description, admin, address, creator } = made;
    const info: ContractInfo = {
      address: address.slice(),
      kind: engine.kind,
      type: description["type"] as string,
      codeHash,
      creator: creator.slice(),
      admin: admin?.slice(),
      status: "active",
      deployTransactionHash: this.#scope.transactionHash().slice(),
      deployedAtHeight: block.height,
    };
    const contract: ResolvedContract = {
      info,
      engine,
      code: { codeHash, code, program: undefined },
      space: contractSpace(table, address),
    };
    return { contract, description, kind: "deploy" };
  }
}

/** The contract with other code. */
export function upgradeOf(
  { info, engine, space }: ResolvedContract,
  code: Uint8Array,
  codeHash: Uint8Array,
  description: Record<string, unknown>,
): Installation {
  const contract = { info: { ...info, codeHash }, engine, code: { codeHash, code, program: undefined }, space };
  return { contract, description, kind: "upgrade" };
}

export function codeHashOf(code: Uint8Array): Uint8Array {
  return createHash("sha256").update(code).digest();
}

function isAdmin({ admin }: ContractInfo, account: Uint8Array): boolean {
  return admin !== undefined && equalBytes(admin, account);
}

function requireWritable(caller: Frame): void {
  if (caller.isStatic) throw new Halt("StaticWrite");
}

/** What a contract asks for is refused where a transaction would be rejected. */
function admittedOrRefused<T>(admit: () => T): T | undefined {
  try {
    return admit();
  } catch (problem) {
    if (problem instanceof RejectedError) return undefined;
    throw problem;
  }
}
