/**
 * cw20-base on the WASM engine alone: metered and isolated, over state in a Map, priced as the schedule has it, with gas and
 * logs, without blocks, roots and receipts.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { compareBytes, fromLatin1, toLatin1 } from "../../src/encoding/bytes.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { BodyForm } from "../../src/encoding/transaction.ts";
import { Addresses } from "../../src/engines/wasm/cosmwasm/addresses.ts";
import { CosmWasmAbi } from "../../src/engines/wasm/cosmwasm/cosmwasm-abi.ts";
import { WasmContractEngine, type WasmEngineOptions } from "../../src/engines/wasm/wasm-engine.ts";
import { GAS_SCHEDULE_1, GasMeter } from "../../src/execution/gas.ts";
import type { CallInput, HostContext, LoadedCode } from "../../src/execution/host.ts";

export const PREFIX = "poly";
export const BALANCE = 1_000_000n;
const GAS = 1e12;
const { stateRead, stateWrite, rangeEntry, logBase } = GAS_SCHEDULE_1;

export interface Holder {
  readonly bytes: Uint8Array;
  readonly text: string;
}

export function cw20Code(): Uint8Array<ArrayBuffer> {
  const resolved = createRequire(import.meta.url).resolve("@oraichain/common-contracts-build/package.json");
  return new Uint8Array(readFileSync(join(dirname(resolved), "data", "cw20-base.wasm")));
}

export function makeHolders(count: number): Holder[] {
  const addresses = new Addresses(PREFIX);
  return Array.from({ length: count }, (_, i) => {
    const bytes = new Uint8Array(20);
    const view = new DataView(bytes.buffer);
    for (let k = 0; k < 4; k++) view.setUint32(4 * k, Math.imul(i + 1, 0x9e3779b1 + 2 * k));
    view.setUint32(16, i);
    return { bytes, text: addresses.text(bytes) };
  });
}

/** The message of the instantiation: each holder has BALANCE. */
export function cw20Init(holders: readonly Holder[]): Record<string, unknown> {
  return {
    name: "Cash",
    symbol: "CASH",
    decimals: 6,
    initial_balances: holders.map(({ text }) => ({ address: text, amount: String(BALANCE) })),
  };
}

export function jsonInput(message: unknown): CallInput {
  const bytes = new Uint8Array(Buffer.from(JSON.stringify(message)));
  return { form: BodyForm.json, bytes, start: 0, end: bytes.length };
}

export class Cw20 {
  logged = 0;
  readonly #state = new Map<string, Uint8Array>();
  readonly #engine: WasmContractEngine;
  readonly #loaded: LoadedCode;
  readonly #host: ReturnType<Cw20["makeHost"]>;
  readonly #frame: HostContext;

  constructor(holders: readonly Holder[], options: Partial<WasmEngineOptions> = {}) {
    this.#engine = new WasmContractEngine({
      abis: [new CosmWasmAbi({ addressPrefix: PREFIX, denom: "upoly" })],
      ...options,
    });
    this.#host = this.makeHost();
    this.#frame = this.#host as unknown as HostContext;
    const contract = { type: "wasm", code: toHex(cw20Code()), init: cw20Init(holders) };
    const { code } = this.#engine.admitDeploy(contract, () => undefined);
    const { status } = this.#engine.deploy(this.#frame, code, contract);
    if (status !== "success") throw new Error("the token was not instantiated");
    this.#loaded = { codeHash: new Uint8Array(32).fill(1), code, program: undefined };
  }

  /** The frame of every call: one contract's state. */
  makeHost() {
    const state = this.#state;
    const gas = new GasMeter(GAS);
    return {
      gas,
      block: { height: 1, timestampMs: 1_700_000_000_000, chainId: 1337, protocolVersion: 1 },
      address: new Uint8Array(20).fill(3),
      caller: new Uint8Array(20) as Uint8Array,
      sender: new Uint8Array(20),
      value: 0n,
      isStatic: false,
      charge: (_item: string, amount: number) => gas.charge(amount),
      get(key: Uint8Array) {
        gas.charge(stateRead);
        return state.get(toLatin1(key));
      },
      set(key: Uint8Array, value: Uint8Array) {
        gas.charge(stateWrite);
        state.set(toLatin1(key), value.slice());
      },
      delete(key: Uint8Array) {
        gas.charge(stateWrite);
        state.delete(toLatin1(key));
      },
      *range(start: Uint8Array, end: Uint8Array | undefined, reverse = false) {
        const keys = [...state.keys()].map(fromLatin1).sort((a, b) => compareBytes(a, b) * (reverse ? -1 : 1));
        for (const key of keys) {
          if (compareBytes(key, start) < 0 || (end !== undefined && compareBytes(key, end) >= 0)) continue;
          gas.charge(rangeEntry);
          yield { key, value: state.get(toLatin1(key))! };
        }
      },
      log: (_topics: readonly Uint8Array[], bytes: Uint8Array) => {
        gas.charge(logBase + bytes.length);
        this.logged++;
      },
      contractInfo: () => ({ codeHash: new Uint8Array(32) }),
      codeId: () => 1,
    };
  }

  get gasUsed(): number {
    return this.#host.gas.used;
  }

  /** @throws Error unless it succeeds. @returns what it answers. */
  call(from: Holder, input: CallInput, isStatic = false): Uint8Array {
    this.#host.gas.reset(GAS);
    this.#host.caller = from.bytes;
    this.#host.isStatic = isStatic;
    const { status, returnData } = this.#engine.execute(this.#frame, this.#loaded, input);
    if (status !== "success") throw new Error("a call failed");
    return returnData;
  }

  balanceOf(holder: Holder): bigint {
    const answer = this.call(holder, jsonInput({ balance: { address: holder.text } }), true);
    return BigInt((JSON.parse(Buffer.from(answer).toString("utf8")) as { balance: string }).balance);
  }
}
