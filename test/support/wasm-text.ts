/** Modules from their text, instrumented and instantiated as the engine does it, for tests of the rewriter alone. */
import wabt from "wabt";
import {
  type InstrumentedModule,
  instrumentModule,
  type ModulePolicy,
} from "../../src/engines/wasm/module/instrument.ts";
import { ModuleWriter } from "../../src/engines/wasm/module/module-writer.ts";

const { parseWat } = await wabt();

export const POLICY: ModulePolicy = {
  imports: new Map([["env.host", { params: ["i32"], results: ["i32"] }]]),
  exports: new Map(),
  floats: "canonicalise",
  memoryPagesMax: 16,
};

/** Not validated: what is wrong with it is for the rewriter to find. */
export function binaryOf(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(
    parseWat("test.wat", text, { multi_value: true, simd: true, threads: true, tail_call: true }).toBinary({}).buffer,
  );
}

/** A module of one memory and one function of these instructions: wabt takes forever over blocks nested this deep. */
export function binaryOfBody(code: readonly number[]): Uint8Array<ArrayBuffer> {
  const body = new ModuleWriter(1_024);
  body.raw(0, ...code, 0x0b);
  const out = new ModuleWriter(1_024);
  out.raw(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 5, 3, 1, 0, 1);
  out.raw(7, 10, 1, 6, ...Buffer.from("memory"), 2, 0);
  const section = new ModuleWriter(1_024);
  section.u8(1);
  section.sized(body);
  out.section(10, section);
  return out.take();
}

/** A running module with its meters. */
export class MeteredInstance {
  readonly module: InstrumentedModule;
  readonly memory: WebAssembly.Memory;
  readonly exports: Record<string, (...args: unknown[]) => unknown>;

  constructor(
    text: string,
    policy: ModulePolicy = POLICY,
    host: (argument: number) => number = (argument) => argument,
  ) {
    this.module = instrumentModule(binaryOf(text), policy);
    const initial = this.module.initialPages + this.module.slackPages;
    this.memory = new WebAssembly.Memory({ initial, maximum: this.module.maxPages });
    const imports = { $m: { m: this.memory }, env: { host } };
    const instance = new WebAssembly.Instance(new WebAssembly.Module(this.module.bytes), imports);
    this.exports = instance.exports as Record<string, (...args: unknown[]) => unknown>;
    this.gas = 1_000_000n;
  }

  #global<V>(name: string): { value: V } {
    return this.exports[name] as unknown as { value: V };
  }

  get gas(): bigint {
    return this.#global<bigint>("$gas").value;
  }

  set gas(value: bigint) {
    this.#global<bigint>("$gas").value = value;
  }

  get stack(): number {
    return this.#global<number>("$stack").value;
  }

  get pages(): number {
    return this.#global<number>("$pages").value;
  }

  get dirty(): bigint {
    return BigInt.asUintN(64, this.#global<bigint>("$dirty").value);
  }

  call(name: string, ...args: unknown[]): unknown {
    return this.exports[name]!(...args);
  }

  /** @throws when it does not trap. */
  trap(name: string, ...args: unknown[]): string {
    try {
      this.call(name, ...args);
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) return error.message;
      throw error;
    }
    throw new Error(`${name} returned`);
  }
}
