/** An InlineChain that runs WebAssembly contracts, and contracts written as WebAssembly text. */
import wabt from "wabt";
import { portableHasher } from "../../src/encoding/hash.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import type { Receipt } from "../../src/encoding/receipt.ts";
import { fromBigInt, newUint256 } from "../../src/encoding/uint256.ts";
import { BuiltinEngine } from "../../src/engines/builtin/builtin-engine.ts";
import type { WasmAbi } from "../../src/engines/wasm/abi.ts";
import { PolytorusAbi } from "../../src/engines/wasm/polytorus/polytorus-abi.ts";
import { WasmContractEngine, type WasmEngineOptions } from "../../src/engines/wasm/wasm-engine.ts";
import { BlockExecutor } from "../../src/execution/block-executor.ts";
import { type ChainParameters, DEFAULT_PARAMETERS } from "../../src/execution/parameters.ts";
import { PortableStateTree } from "../../src/execution/state-tree.ts";
import { InlineChain } from "./inline-chain.ts";

const tools = await wabt();

/** The binary module of a text module. */
export function wasmOf(text: string): Uint8Array<ArrayBuffer> {
  const module = tools.parseWat("test.wat", text);
  try {
    return new Uint8Array(module.toBinary({}).buffer);
  } finally {
    module.destroy();
  }
}

/**
 * A contract of the polytorus ABI: one page of memory, every import by its name (`$state_get`), and the functions
 * `deploy` and `call`.
 */
export function contractText(parts: { deploy?: string; call?: string; rest?: string; memory?: string }): string {
  const { deploy = "", call = "", rest = "", memory = "1" } = parts;
  return `(module
    (import "polytorus" "input_length" (func $input_length (result i32)))
    (import "polytorus" "input_read" (func $input_read (param i32 i32 i32)))
    (import "polytorus" "return_data" (func $return_data (param i32 i32)))
    (import "polytorus" "revert" (func $revert (param i32 i32)))
    (import "polytorus" "context" (func $context (param i32)))
    (import "polytorus" "state_get" (func $state_get (param i32 i32 i32 i32) (result i32)))
    (import "polytorus" "state_set" (func $state_set (param i32 i32 i32 i32)))
    (import "polytorus" "state_delete" (func $state_delete (param i32 i32)))
    (import "polytorus" "range_open" (func $range_open (param i32 i32 i32 i32 i32) (result i32)))
    (import "polytorus" "range_next" (func $range_next (param i32) (result i32)))
    (import "polytorus" "result_length" (func $result_length (result i32)))
    (import "polytorus" "result_read" (func $result_read (param i32 i32 i32)))
    (import "polytorus" "log" (func $log (param i32 i32 i32 i32)))
    (import "polytorus" "call" (func $call (param i32 i32 i32 i32 i64 i32) (result i32)))
    (import "polytorus" "balance" (func $balance (param i32 i32)))
    (import "polytorus" "gas_remaining" (func $gas_remaining (result i64)))
    (import "polytorus" "keccak256" (func $keccak256 (param i32 i32 i32)))
    (import "polytorus" "sha256" (func $sha256 (param i32 i32 i32)))
    (import "polytorus" "recover" (func $recover (param i32 i32 i32) (result i32)))
    (import "env" "abort" (func $abort (param i32 i32 i32 i32)))
    (memory (export "memory") ${memory})
    ${rest}
    (func (export "deploy") ${deploy})
    (func (export "call") ${call}))`;
}

export interface WasmChainOptions {
  wasm?: Partial<WasmEngineOptions>;
  parameters?: Partial<ChainParameters>;
  abis?: readonly WasmAbi[];
  balances?: Record<string, bigint>;
}

export class WasmChain extends InlineChain {
  override readonly executor: BlockExecutor;

  constructor(options: WasmChainOptions = {}) {
    super();
    this.executor = new BlockExecutor({
      snapshot: { get: () => undefined, range: () => [], appliedSeq: () => -1 },
      tree: new PortableStateTree(),
      hasher: portableHasher,
      engines: [
        new BuiltinEngine(),
        new WasmContractEngine({ abis: options.abis ?? [new PolytorusAbi()], ...options.wasm }),
      ],
      parameters: { ...DEFAULT_PARAMETERS, ...options.parameters },
    });
    const { table } = this.executor;
    const limbs = newUint256();
    for (const [account, balance] of Object.entries(options.balances ?? {})) {
      fromBigInt(balance, limbs);
      table.store(table.accountSlot(fromHex(account)!, 0), limbs);
    }
  }

  /** Deploys a module. @throws when it does not succeed. */
  install(sender: string, module: Uint8Array, more: Record<string, unknown> = {}): string {
    const receipt = this.deploy(sender, { type: "wasm", code: toHex(module), ...more });
    if (receipt.status !== "success" || receipt.contractAddress === undefined)
      throw new Error(`${receipt.status} ${receipt.haltReason ?? toHex(receipt.returnData)}`);
    return toHex(receipt.contractAddress);
  }

  callRaw(sender: string, to: string, calldata = "0x", gasLimit?: number): Receipt {
    return this.call({ sender, to, calldata, ...(gasLimit === undefined ? {} : { gasLimit }) });
  }
}
