/**
 * WasmContractEngine: contracts compiled to WebAssembly, on V8, metered by rewriting and isolated by restoring.
 *
 *   admitDeploy: module ── claims ──▶ ABI ── rewrite by its policy ──▶ container = code   (static limits alone decide)
 *   execute:     code ──▶ AbiProgram + ModuleCache ──▶ SlotPool ──▶ InstanceSlot ── call ──▶ Outcome
 *
 * Always
 *  - What a call costs and does follows from code, input and state: never from what was cached, compiled or kept.
 *  - A fault of the machine is thrown as INTERNAL_ERROR; it never becomes an outcome.
 */
import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { toLatin1 } from "../../encoding/bytes.ts";
import { fromHex } from "../../encoding/hex.ts";
import { EngineError, RejectedError } from "../../errors.ts";
import { Halt } from "../../execution/gas.ts";
import type { CallInput, ContractAbi, ContractEngine, HostContext, LoadedCode, Outcome } from "../../execution/host.ts";
import type { AbiProgram, ModuleNames, WasmAbi } from "./abi.ts";
import { decodeCodeContainer, encodeCodeContainer, isCodeContainer } from "./code-container.ts";
import { hostFault } from "./host-fault.ts";
import type { InstanceSlot, StackBudget } from "./instance-slot.ts";
import { type InstrumentedModule, instrumentModule, METERING_VERSION } from "./module/instrument.ts";
import { ModuleRejected } from "./module/module-rejected.ts";
import { ModuleCache, type ModuleCompiler, type ModuleStore } from "./module-cache.ts";
import { readModuleNames } from "./module-names.ts";
import { SlotPool } from "./slot-pool.ts";
import { ADMISSION_BYTE_GAS, FRAME_GAS, FRAME_PAGE_GAS, STACK_HEIGHT } from "./wasm-gas.ts";

export interface WasmEngineOptions {
  /** In the order in which they may claim a module. */
  readonly abis: readonly WasmAbi[];
  /** Compiled modules kept, in estimated bytes. */
  readonly modulesBytesMax?: number;
  /** Instances kept, in number and in bytes of memory. */
  readonly slotsMax?: number;
  readonly slotsBytesMax?: number;
  readonly store?: ModuleStore | undefined;
  /** How an admitted module is compiled: by this thread, or by one that can be killed (thread-compiler.ts). */
  readonly compile?: ModuleCompiler;
  /** Called when a module is about to be rewritten, which will then be compiled: what compiling needs may start meanwhile. */
  readonly prepare?: () => void;
}

const MIB = 1024 * 1024;
const MODULES_BYTES_MAX = 512 * MIB;
const SLOTS_MAX = 256;
const SLOTS_BYTES_MAX = 512 * MIB;
/** A deployment is admitted again when it is estimated, simulated and then sent. */
const ADMITTED_KEPT = 8;
const CODE_FIELDS: readonly string[] = ["type", "code", "codeHash", "abi"];
const DEPLOY_FIELDS: readonly string[] = [...CODE_FIELDS, "init"];
const UPGRADE_FIELDS: readonly string[] = [...CODE_FIELDS, "message"];
const HASH_BYTES = 32;

const NOTHING_RUN: Outcome = { status: "success", returnData: new Uint8Array(0) };

/** Code that is in the state, by its hash. */
type CodeByHash = (codeHash: Uint8Array) => Uint8Array | undefined;

/** What `LoadedCode.program` holds. */
interface WasmProgram {
  readonly key: string;
  readonly abi: WasmAbi;
  readonly program: AbiProgram;
  /** As its author compiled it. */
  readonly module: Uint8Array;
}

interface RewrittenCode {
  readonly abi: WasmAbi;
  readonly module: InstrumentedModule;
}

export class WasmContractEngine implements ContractEngine {
  readonly kind = "wasm";
  readonly types: readonly string[] = ["wasm"];
  readonly addressPrefixes: readonly number[] = [];
  readonly #abis: readonly WasmAbi[];
  readonly #compile: ModuleCompiler;
  readonly #prepare: (() => void) | undefined;
  readonly #modules: ModuleCache;
  readonly #pool: SlotPool;
  /** By the number of the ABI that the deployment names, or 0, and the hash of the module. */
  readonly #rewritten = new LRUCache<string, RewrittenCode>({ max: ADMITTED_KEPT });
  readonly #admitted = new WeakMap<Uint8Array, WasmProgram>();

  constructor(options: WasmEngineOptions) {
    this.#abis = options.abis;
    this.#compile = options.compile ?? ((bytes) => new WebAssembly.Module(bytes));
    this.#prepare = options.prepare;
    const stack: StackBudget = { left: STACK_HEIGHT };
    const { slotsMax = SLOTS_MAX, slotsBytesMax = SLOTS_BYTES_MAX } = options;
    this.#pool = new SlotPool({ slotsMax, bytesMax: slotsBytesMax }, stack);
    this.#modules = new ModuleCache({
      bytesMax: options.modulesBytesMax ?? MODULES_BYTES_MAX,
      compile: (bytes) => this.#compiled(bytes),
      store: options.store,
      dropped: (module) => this.#pool.forget(module),
    });
  }

  // ── admission ───────────────────────────────────────────────────────────────

  admitDeploy(contract: Record<string, unknown>, codeByHash: CodeByHash): { code: Uint8Array; gas: number } {
    const { program, ...admitted } = this.#admitCode(contract, codeByHash, DEPLOY_FIELDS);
    program.admitInit(contract);
    return admitted;
  }

  /** Checks the `contract` object of an upgrade: code as for a deployment, and the message that the new code gets. */
  admitUpgrade(contract: Record<string, unknown>, codeByHash: CodeByHash): { code: Uint8Array; gas: number } {
    const { program, ...admitted } = this.#admitCode(contract, codeByHash, UPGRADE_FIELDS);
    if (contract["message"] !== undefined && program.upgrade === undefined)
      refuse("contract.message", "nothing: the new code's ABI has no message of upgrade", contract["message"]);
    program.admitMessage?.(contract["message"]);
    return admitted;
  }

  #admitCode(
    contract: Record<string, unknown>,
    codeByHash: CodeByHash,
    fields: readonly string[],
  ): { code: Uint8Array; gas: number; program: AbiProgram } {
    for (const field of Object.keys(contract))
      if (!fields.includes(field)) refuse(`contract.${field}`, `one of ${fields.join(", ")}`, field);
    if ((contract["code"] === undefined) === (contract["codeHash"] === undefined))
      refuse("contract.code", "either code or codeHash", contract["code"] === undefined ? "neither" : "both");
    if (contract["codeHash"] !== undefined) return this.#admitKnown(contract, codeByHash);
    const module = hexOf(contract["code"], "contract.code");
    const named = typeof contract["abi"] === "string" ? this.#abiNamed(contract["abi"]) : undefined;
    const { abi, module: rewritten } = this.#rewrite(module, named);
    const code = encodeCodeContainer({
      meteringVersion: METERING_VERSION,
      abiId: abi.id,
      abi: abi.admitCode(named === undefined ? contract : { ...contract, abi: undefined }, rewritten),
      module,
    });
    const admitted = this.#open(code, sha256(code));
    this.#modules.keep(admitted.key, rewritten);
    this.#admitted.set(code, admitted);
    return { code, gas: ADMISSION_BYTE_GAS * module.length, program: admitted.program };
  }

  #admitKnown(
    contract: Record<string, unknown>,
    codeByHash: CodeByHash,
  ): { code: Uint8Array; gas: number; program: AbiProgram } {
    const codeHash = hexOf(contract["codeHash"], "contract.codeHash");
    const code = codeHash.length === HASH_BYTES ? codeByHash(codeHash) : undefined;
    if (code === undefined || !isCodeContainer(code))
      refuse("contract.codeHash", "the hash of WebAssembly code that this chain has", contract["codeHash"]);
    if (contract["abi"] !== undefined) refuse("contract.abi", "no abi: it is part of the code", "an abi");
    const admitted = this.#open(code, toLatin1(codeHash));
    this.#admitted.set(code, admitted);
    return { code, gas: 0, program: admitted.program };
  }

  #abiNamed(name: string): WasmAbi {
    const expected = `JSON, or one of ${this.#abis.map((abi) => abi.name).join(", ")}`;
    return this.#abis.find((abi) => abi.name === name) ?? refuse("contract.abi", expected, name);
  }

  /**
   * @param named by the deployment; else the ABI is known by what the module imports and exports.
   * @throws RejectedError CODE_REJECTED with the rule that the module breaks, and where.
   */
  #rewrite(module: Uint8Array, named: WasmAbi | undefined): RewrittenCode {
    const key = `${named?.id ?? 0}${sha256(module)}`;
    const known = this.#rewritten.get(key);
    if (known !== undefined) return known;
    this.#prepare?.();
    const abi = named ?? this.#claimant(readModuleNames(module));
    const rewritten = { abi, module: rewriteFor(abi, module) };
    this.#rewritten.set(key, rewritten);
    return rewritten;
  }

  #claimant(names: ModuleNames): WasmAbi {
    return this.#abis.find((candidate) => candidate.claims(names)) ?? this.#abis[0]!;
  }

  #compiled(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
    try {
      return this.#compile(bytes);
    } catch (problem) {
      if (problem instanceof EngineError) throw problem;
      throw hostFault("V8 does not compile an admitted module", problem);
    }
  }

  // ── calls ───────────────────────────────────────────────────────────────────

  deploy(host: HostContext, code: Uint8Array, contract: Record<string, unknown>): Outcome {
    const program = this.#admitted.get(code) ?? this.#open(code, sha256(code));
    return this.#run(host, program, (slot) => program.program.deploy(slot, contract));
  }

  /** Runs inside the frame of a contract that gets this code. @param message of the upgrade. */
  upgrade(host: HostContext, code: Uint8Array, message: unknown): Outcome {
    const program = this.#admitted.get(code) ?? this.#open(code, sha256(code));
    if (program.program.upgrade === undefined) return NOTHING_RUN;
    return this.#run(host, program, (slot) => program.program.upgrade!(slot, message));
  }

  admitCall(code: LoadedCode, input: CallInput): void {
    this.#programOf(code).program.admitCall(input);
  }

  execute(host: HostContext, code: LoadedCode, input: CallInput): Outcome {
    const program = this.#programOf(code);
    return this.#run(host, program, (slot) => program.program.execute(slot, input));
  }

  describe(code: LoadedCode): ContractAbi {
    return this.#programOf(code).program.abi;
  }

  metadata(code: LoadedCode): Record<string, unknown> {
    return { interface: this.#programOf(code).abi.name };
  }

  #run(host: HostContext, program: WasmProgram, body: (slot: InstanceSlot) => Outcome): Outcome {
    const module = this.#modules.get(program.key, () => rewriteFor(program.abi, program.module));
    host.charge("instance", FRAME_GAS + FRAME_PAGE_GAS * module.layout.initialPages);
    const slot = this.#pool.take(module, program.program);
    try {
      slot.begin(host);
      const outcome = body(slot);
      slot.finish();
      this.#pool.give(slot);
      return outcome;
    } catch (thrown) {
      // After a fault of the machine nothing is known of the instance.
      if (thrown instanceof Halt) this.#pool.give(slot);
      else this.#pool.drop();
      throw thrown;
    }
  }

  #programOf(code: LoadedCode): WasmProgram {
    if (code.program === undefined) code.program = this.#open(code.code, toLatin1(code.codeHash));
    return code.program as WasmProgram;
  }

  /** @param key the code's hash, one char a byte. */
  #open(code: Uint8Array, key: string): WasmProgram {
    const { meteringVersion, abiId, abi: description, module } = decodeCodeContainer(code);
    const abi = this.#abis.find(({ id }) => id === abiId);
    if (abi === undefined || meteringVersion !== METERING_VERSION)
      throw new EngineError(
        "FORMAT_UNSUPPORTED",
        `this version runs no WebAssembly code of ABI ${abiId} under metering version ${meteringVersion}`,
        { abi: abiId, meteringVersion },
      );
    return { key, abi, program: abi.open(description), module };
  }
}

function rewriteFor(abi: WasmAbi, module: Uint8Array): InstrumentedModule {
  try {
    return instrumentModule(module, abi.policy);
  } catch (problem) {
    if (!(problem instanceof ModuleRejected)) throw problem;
    const { rule, offset, facts, message } = problem;
    throw new RejectedError("CODE_REJECTED", message, { path: "contract.code", abi: abi.name, rule, offset, ...facts });
  }
}

function hexOf(value: unknown, path: string): Uint8Array {
  const bytes = typeof value === "string" ? fromHex(value) : undefined;
  return bytes ?? refuse(path, "0x and an even number of hex digits", value);
}

function refuse(path: string, expected: string, value: unknown): never {
  const received = typeof value === "string" ? value.slice(0, 80) : (JSON.stringify(value)?.slice(0, 80) ?? "nothing");
  throw new RejectedError("VALIDATION_ERROR", `${path}: expected ${expected}, received ${received}`, {
    path,
    expected,
    received,
  });
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("binary");
}
