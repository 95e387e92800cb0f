/**
 * ModuleCache: codes by hash, rewritten and compiled, as many as fit. Outside the process only the rewritten bytes are
 * kept (ModuleStore): Node has no way to keep compiled code.
 *   admission ── rewritten ──▶ keep ─┐
 *   execution ── key ──▶ get ────────┴─▶ SlotModule; missing: from the store, else rewritten again
 * Always
 *  - A key names the same rewritten bytes for ever: it is a hash over the module, its ABI and the metering's version.
 */
import { LRUCache } from "lru-cache";
import { hostFault } from "./host-fault.ts";
import type { SlotModule } from "./instance-slot.ts";
import { METERING_VERSION } from "./module/instrument.ts";
import { decodeStoredModule, encodeStoredModule, type RewrittenModule } from "./stored-module.ts";

/**
 * Where rewritten modules survive the process. It may fail to keep or find: what is missing is made again.
 * Names are made of letters, digits and "-".
 */
export interface ModuleStore {
  /** @returns what was put under the name, or anything else, or undefined: a checksum decides. */
  get(name: string): Uint8Array | undefined;
  /** The bytes are not changed afterwards. */
  put(name: string, bytes: Uint8Array<ArrayBuffer>): void;
  /** What it answered under the name is not what was put there, and will be put again. */
  damaged(name: string): void;
}

/** Compiles bytes that passed the rewriter. @throws EngineError INTERNAL_ERROR when the machine failed, not the module. */
export type ModuleCompiler = (bytes: Uint8Array<ArrayBuffer>) => WebAssembly.Module;

interface CachedModule extends SlotModule {
  readonly weight: number;
  /** Not in the store yet. */
  unstored: RewrittenModule | undefined;
}

/** V8 keeps the bytes, and machine code of about four times their length once both tiers have compiled everything. */
const BYTES_PER_MODULE_BYTE = 5;
const MODULE_OVERHEAD_BYTES = 64 * 1024;

export class ModuleCache {
  readonly #modules: LRUCache<string, CachedModule>;
  readonly #store: ModuleStore | undefined;
  readonly #compile: ModuleCompiler;
  /** The one asked for last: most calls are of the same contract as the call before. */
  #last: CachedModule | undefined;

  constructor(options: {
    bytesMax: number;
    compile: ModuleCompiler;
    store?: ModuleStore | undefined;
    /** Told when a module is forgotten. */
    dropped: (module: SlotModule) => void;
  }) {
    this.#compile = options.compile;
    this.#store = options.store;
    this.#modules = new LRUCache({
      maxSize: options.bytesMax,
      maxEntrySize: Number.MAX_SAFE_INTEGER,
      sizeCalculation: (module) => Math.min(module.weight, options.bytesMax),
      dispose: (module) => {
        this.#last = undefined;
        options.dropped(module);
      },
    });
  }

  has(key: string): boolean {
    return this.#modules.has(key);
  }

  /** Compiles and keeps a module that was rewritten for admission. It goes to the store once it is run (`get`). */
  keep(key: string, rewritten: RewrittenModule): SlotModule {
    const known = this.#modules.get(key);
    if (known !== undefined) return known;
    return this.#add(key, rewritten);
  }

  /** @param rewrite makes the rewritten bytes when neither cache nor store has them. */
  get(key: string, rewrite: () => RewrittenModule): SlotModule {
    if (this.#last?.key === key) return this.#last;
    const module = this.#modules.get(key) ?? this.#find(key) ?? this.#add(key, rewrite());
    if (module.unstored !== undefined) this.#put(module, module.unstored);
    this.#last = module;
    return module;
  }

  /** From the store, when what it has is what was put there. */
  #find(key: string): CachedModule | undefined {
    const stored = this.#store?.get(storeName(key));
    if (stored === undefined) return undefined;
    const found = decodeStoredModule(stored);
    if (found === undefined) {
      this.#store!.damaged(storeName(key));
      return undefined;
    }
    // It was compiled as a whole before it was put there: no need to wait for the thread that does so.
    const module = this.#add(key, found, compileHere);
    module.unstored = undefined;
    return module;
  }

  #put(module: CachedModule, rewritten: RewrittenModule): void {
    module.unstored = undefined;
    this.#store?.put(storeName(module.key), encodeStoredModule(rewritten));
  }

  #add(key: string, rewritten: RewrittenModule, compile = this.#compile): CachedModule {
    const { bytes, initialPages, slackPages, maxPages, tracksDirtyPages, hasStart } = rewritten;
    const module: CachedModule = {
      key,
      layout: { initialPages, slackPages, maxPages, tracksDirtyPages, hasStart },
      compiled: compile(bytes),
      image: undefined,
      startUnits: 0,
      waiting: [],
      weight: MODULE_OVERHEAD_BYTES + BYTES_PER_MODULE_BYTE * bytes.length,
      unstored: this.#store === undefined ? undefined : rewritten,
    };
    this.#modules.set(key, module);
    return module;
  }
}

function compileHere(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  try {
    return new WebAssembly.Module(bytes);
  } catch (problem) {
    throw hostFault("V8 does not compile a module that it compiled before", problem);
  }
}

/** The metering's version is part of the key already; in the name it tells what an older version left behind. */
function storeName(key: string): string {
  return `v${METERING_VERSION}-${Buffer.from(key, "latin1").toString("hex")}`;
}
