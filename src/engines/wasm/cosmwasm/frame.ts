/**
 * CosmWasmFrame: one instance of a contract seen as CosmWasm's interface: regions over its memory, its entry points, its imports.
 *   run(entry, …JSON) ── allocate, write ──▶ guest ── region ──▶ the JSON it answered
 * Always
 *  - Every import pays before it works, by `read`, `allocate` or a price of its own (costs.ts), from the frame's meter.
 *  - An entry point finds no iterators of the one before.
 */
import { Halt } from "../../../execution/gas.ts";
import type { HostContext } from "../../../execution/host.ts";
import type { AbiFrame } from "../abi.ts";
import { GUEST_REVERT, type InstanceSlot } from "../instance-slot.ts";
import { addressImports } from "./address-imports.ts";
import type { Addresses } from "./addresses.ts";
import { COSTS, copyCost } from "./costs.ts";
import { cryptoImports } from "./crypto-imports.ts";
import type { ImportName } from "./policy.ts";
import { answerQuery } from "./queries.ts";
import { readRegion, viewBytes, writeBytes } from "./region.ts";
import { OUTPUT_BYTES_MAX } from "./response.ts";
import { encodeRevert } from "./revert-text.ts";
import { storageImports } from "./storage-imports.ts";

/** CosmWasm's own limits (imports.rs). */
const QUERY_BYTES_MAX = 64 * 1024;
const ABORT_BYTES_MAX = 2 * 1024 * 1024;
const DEBUG_BYTES_MAX = 2 * 1024 * 1024;

export class CosmWasmFrame implements AbiFrame {
  readonly imports: WebAssembly.Imports;
  readonly addresses: Addresses;
  readonly denom: string;
  /** What the guest aborted with; set when GUEST_REVERT was thrown. */
  revertData: Uint8Array = new Uint8Array(0);
  readonly #slot: InstanceSlot;
  readonly #resets: (() => void)[] = [];

  constructor(slot: InstanceSlot, addresses: Addresses, denom: string) {
    this.#slot = slot;
    this.addresses = addresses;
    this.denom = denom;
    const env = {
      ...storageImports(this),
      ...addressImports(this),
      ...cryptoImports(this),
      ...this.#chainImports(),
      // biome-ignore lint/complexity/noBannedTypes: each has the type that the policy checked the module's import for.
    } satisfies Record<ImportName, Function>;
    this.imports = { env };
  }

  get host(): HostContext {
    return this.#slot.host as HostContext;
  }

  #chainImports() {
    return {
      query_chain: (request: number): number => {
        const bytes = this.read(request, QUERY_BYTES_MAX);
        this.host.charge("json", COSTS.jsonByte * bytes.length);
        return this.allocate(this.#slot.outside(() => answerQuery(this, bytes)));
      },
      debug: (message: number): void => {
        this.view(message, DEBUG_BYTES_MAX);
      },
      abort: (message: number): void => {
        const text = Buffer.from(this.view(message, ABORT_BYTES_MAX)).toString("utf8");
        this.revertData = encodeRevert(`Aborted: ${text}`);
        throw GUEST_REVERT;
      },
    };
  }

  /** Has something done before each entry point. */
  onEntry(reset: () => void): void {
    this.#resets.push(reset);
  }

  has(entry: string): boolean {
    return this.#slot.has(entry);
  }

  /** Calls an entry point. @returns the JSON that it answered, in place until the guest runs. @throws Halt, GUEST_REVERT */
  run(entry: string, first: Uint8Array, second: Uint8Array, third?: Uint8Array | undefined): Uint8Array {
    for (const reset of this.#resets) reset();
    const a = this.allocate(first);
    const b = this.allocate(second);
    const c = third === undefined ? 0 : this.allocate(third);
    const result = this.#slot.call(entry, a, b, c) as number;
    const output = this.view(result, OUTPUT_BYTES_MAX);
    this.host.charge("json", COSTS.jsonByte * output.length);
    return output;
  }

  /** A copy of the guest's region. @throws Halt Unreachable for a region that is none, or longer. */
  read(pointer: number, bytesMax: number): Uint8Array {
    return this.view(pointer, bytesMax).slice();
  }

  /** The guest's region in place, for what is read before the guest runs again. Costs as `read`. */
  view(pointer: number, bytesMax: number): Uint8Array {
    this.host.charge("hostCall", COSTS.call);
    const bytes = viewBytes(this.#slot, pointer, bytesMax);
    this.host.charge("hostCopy", copyCost(bytes.length));
    return bytes;
  }

  /**
   * As `view`, and quicker for short regions, which are copied: for what the host takes over before it returns.
   * @param which of the slot's buffers (`InstanceSlot.lend`).
   */
  borrow(pointer: number, bytesMax: number, which: number): Uint8Array {
    this.host.charge("hostCall", COSTS.call);
    const { offset, length } = readRegion(this.#slot, pointer);
    if (length > bytesMax) throw new Halt("Unreachable");
    this.host.charge("hostCopy", copyCost(length));
    return this.#slot.lend(offset, length, which);
  }

  /** Fills a region that the guest allocated. */
  write(pointer: number, bytes: Uint8Array): void {
    this.host.charge("hostCopy", copyCost(bytes.length));
    writeBytes(this.#slot, pointer, bytes);
  }

  /** Hands bytes to the guest in a region of its own making. @throws Halt Unreachable when that is not fit for them. */
  allocate(bytes: Uint8Array): number {
    this.host.charge("hostCopy", COSTS.call + copyCost(bytes.length));
    const pointer = this.#slot.call("allocate", bytes.length);
    if (typeof pointer !== "number") throw new Halt("Unreachable");
    writeBytes(this.#slot, pointer, bytes);
    return pointer;
  }
}
