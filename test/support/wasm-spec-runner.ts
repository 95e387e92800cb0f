/**
 * Runs a script of the WebAssembly specification with every module sent through the rewriter, and says which expectations
 * held. Modules that use what the engine leaves out are skipped, with what was asked of them, by the rule that refused them.
 */
import wabt from "wabt";
import { STACK_HEIGHT_MAX } from "../../src/engines/wasm/module/gas-schedule.ts";
import { requireValid } from "../../src/engines/wasm/module/instrument.ts";
import { ModuleRejected } from "../../src/engines/wasm/module/module-rejected.ts";
import { type ModuleShape, typeOfFunction } from "../../src/engines/wasm/module/module-shape.ts";
import { parseModule } from "../../src/engines/wasm/module/parse-module.ts";
import { rewriteModule } from "../../src/engines/wasm/module/rewrite-module.ts";
import type { FunctionType } from "../../src/engines/wasm/module/wasm-types.ts";
import { headOf, type List, parseScript, textOf } from "./wasm-script.ts";
import { integerAdapter, isExpected, parseConstant } from "./wasm-values.ts";

const { parseWat } = await wabt();
/** Everything that is standard today, so that what we refuse is parsed and refused by us. */
const FEATURES = {
  multi_value: true,
  bulk_memory: true,
  reference_types: true,
  sat_float_to_int: true,
  sign_extension: true,
};
const GAS = 1n << 60n;
const PAGES_MAX = 65_536;

interface Running {
  readonly shape: ModuleShape;
  readonly exports: WebAssembly.Exports;
}

export interface ScriptReport {
  passed: number;
  failures: string[];
  /** Commands not run, by reason. */
  skipped: Map<string, number>;
}

class Skipped extends Error {}

export class SpecScript {
  readonly #source: string;
  readonly #tracksDirtyPages: boolean;
  readonly #named = new Map<string, Running | Error>();
  readonly #registered: Record<string, WebAssembly.Exports> = { spectest: spectest() };
  readonly #adapters = new WeakMap<object, CallableFunction>();
  #current: Running | Error = new Skipped("no module yet");
  readonly report: ScriptReport = { passed: 0, failures: [], skipped: new Map() };

  constructor(source: string, tracksDirtyPages: boolean) {
    this.#source = source;
    this.#tracksDirtyPages = tracksDirtyPages;
  }

  run(): ScriptReport {
    for (const command of parseScript(this.#source)) {
      try {
        const problem = this.#command(command);
        if (problem === undefined) this.report.passed++;
        else this.report.failures.push(`line ${this.#lineOf(command)}: ${problem}`);
      } catch (error) {
        if (!(error instanceof Skipped)) throw new Error(`line ${this.#lineOf(command)}`, { cause: error });
        this.report.skipped.set(error.message, (this.report.skipped.get(error.message) ?? 0) + 1);
      }
    }
    return this.report;
  }

  /** Undefined when it held; otherwise what happened. */
  #command(command: List): string | undefined {
    const [, first, second] = command.items;
    switch (headOf(command)) {
      case "module":
        return this.#module(command);
      case "register":
        this.#registered[textOf(first)] = this.#running(second?.kind === "atom" ? second.text : undefined).exports;
        return undefined;
      case "invoke":
        this.#invoke(command);
        return undefined;
      case "assert_return":
        return this.#assertReturn(command);
      case "assert_trap":
        return this.#assertTrap(first as List);
      case "assert_exhaustion":
        return this.#assertTrap(first as List);
      case "assert_invalid":
      case "assert_malformed":
        return this.#assertRejected(first as List);
      default:
        throw new Skipped(`${headOf(command)}: about linking`);
    }
  }

  #module(command: List): string | undefined {
    const [, name] = command.items;
    try {
      this.#current = this.#instantiate(this.#compile(command));
    } catch (error) {
      this.#current = error as Error;
    }
    if (name?.kind === "atom" && name.text.startsWith("$")) this.#named.set(name.text, this.#current);
    if (!(this.#current instanceof Error)) return undefined;
    const skip = reasonToSkip(this.#current);
    if (skip !== undefined) throw new Skipped(skip);
    return String(this.#current);
  }

  #compile(module: List): Uint8Array {
    const strings = module.items.flatMap((item) => (item.kind === "text" ? [item.bytes] : []));
    const isBinary = module.items.some((item) => item.kind === "atom" && item.text === "binary");
    if (module.items.some((item) => item.kind === "atom" && /^(quote|definition|instance)$/.test(item.text))) {
      throw new Skipped("about the text format");
    }
    if (isBinary) return Uint8Array.from(strings.flatMap((bytes) => [...bytes]));
    try {
      return new Uint8Array(
        parseWat("s.wat", this.#source.slice(module.start, module.end), FEATURES).toBinary({}).buffer,
      );
    } catch {
      throw new Skipped("syntax that wabt 1.0.39 does not know");
    }
  }

  #instantiate(code: Uint8Array): Running {
    const shape = parseModule(code);
    requireValid(code);
    const initial = shape.memory?.initial ?? 0;
    const maximum = shape.memory?.maximum ?? PAGES_MAX;
    const bytes = rewriteModule(shape, {
      floats: "canonicalise",
      tracksDirtyPages: this.#tracksDirtyPages,
      limitPages: maximum,
      maxPages: PAGES_MAX,
    });
    const memory = new WebAssembly.Memory({ initial, maximum: PAGES_MAX });
    const imports = { ...this.#registered, $m: { m: memory } } as WebAssembly.Imports;
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports);
    refill(exports);
    if (shape.start !== undefined) (exports["$start"] as CallableFunction)();
    return { shape, exports };
  }

  #running(name: string | undefined): Running {
    const running = name === undefined ? this.#current : (this.#named.get(name) ?? new Skipped(`no module ${name}`));
    if (!(running instanceof Error)) return running;
    throw new Skipped(reasonToSkip(running) ?? "its module failed");
  }

  #invoke(action: List): bigint[] {
    const items = action.items.slice(1);
    const name = items[0]?.kind === "atom" ? items.shift() : undefined;
    const running = this.#running(name?.kind === "atom" ? name.text : undefined);
    const field = textOf(items.shift());
    const item = running.exports[field];
    if (headOf(action) === "get") return [this.#global(running, field, item as WebAssembly.Global)];
    const type = typeOfFunction(running.shape, running.shape.exports.find((entry) => entry.name === field)!.index)!;
    const args = items.map((node) => parseConstant(node as List));
    if (args.some((arg) => arg === undefined)) throw new Skipped("arguments that are references");
    refill(running.exports);
    const call = this.#adapterOf(item as CallableFunction, type);
    const result = call(...args.map((arg) => (arg!.type.endsWith("32") ? Number(arg!.bits) | 0 : arg!.bits)));
    const results = type.results.length === 0 ? [] : type.results.length === 1 ? [result] : [...result];
    return results.map((value, i) => BigInt.asUintN(type.results[i]!.endsWith("32") ? 32 : 64, BigInt(value)));
  }

  #adapterOf(target: CallableFunction, type: FunctionType): CallableFunction {
    const hasFloats = [...type.params, ...type.results].some((value) => value[0] === "f");
    if (hasFloats && type.results.length > 1) throw new Skipped("several results with floats, through JavaScript");
    const adapter = this.#adapters.get(target) ?? integerAdapter(target, type);
    this.#adapters.set(target, adapter);
    return adapter;
  }

  #global(running: Running, field: string, item: WebAssembly.Global): bigint {
    const index = running.shape.exports.find((entry) => entry.name === field)!.index;
    const type = running.shape.globals[index]!.type;
    if (type[0] === "f") throw new Skipped("float globals, through JavaScript");
    return BigInt.asUintN(type === "i32" ? 32 : 64, BigInt(item.value));
  }

  #assertReturn(command: List): string | undefined {
    const [, action, ...wanted] = command.items as List[];
    const expected = wanted.map(parseConstant);
    if (expected.some((value) => value === undefined)) throw new Skipped("results that are references or alternatives");
    const results = this.#invoke(action as unknown as List);
    const held = results.length === expected.length && expected.every((value, i) => isExpected(value!, results[i]!));
    return held ? undefined : `expected ${expected.map((value) => value!.bits)}, received ${results}`;
  }

  #assertTrap(action: List): string | undefined {
    try {
      if (headOf(action) === "module") this.#instantiate(this.#compile(action));
      else this.#invoke(action);
    } catch (error) {
      if (error instanceof Skipped) throw error;
      if (error instanceof WebAssembly.RuntimeError || error instanceof ModuleRejected) return undefined;
      return `expected a trap, received ${error}`;
    }
    return "expected a trap, and it returned";
  }

  #assertRejected(module: List): string | undefined {
    try {
      this.#instantiate(this.#compile(module));
    } catch (error) {
      if (error instanceof Skipped) throw error;
      return error instanceof ModuleRejected ? undefined : `expected a ModuleRejected, received ${error}`;
    }
    return "expected the module to be refused, and it was not";
  }

  #lineOf(node: List): number {
    return this.#source.slice(0, node.start).split("\n").length;
  }
}

function refill(exports: WebAssembly.Exports): void {
  (exports["$gas"] as WebAssembly.Global).value = GAS;
  // A trap leaves the height of the frames that it ended.
  (exports["$stack"] as WebAssembly.Global).value = STACK_HEIGHT_MAX;
}

/** Why a module that did not come to run says nothing about the rewriter. */
function reasonToSkip(error: Error): string | undefined {
  if (error instanceof Skipped) return error.message;
  if (error instanceof ModuleRejected) return `refused: ${error.rule}`;
  if (error instanceof WebAssembly.LinkError || error instanceof TypeError) return "imports what this runner has not";
  return undefined;
}

function spectest(): WebAssembly.Exports {
  const ignore = () => {};
  const names = ["print", "print_i32", "print_i64", "print_f32", "print_f64", "print_i32_f32", "print_f64_f64"];
  return Object.fromEntries(names.map((name) => [name, ignore]));
}
