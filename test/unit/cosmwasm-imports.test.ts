/**
 * The imports as a guest calls them, over a memory and a host of the test's own: pointers in, pointers and numbers out.
 * The guest is hostile where it says so.
 */
import { describe, expect, it } from "vitest";
import { readU32, writeU32 } from "../../src/encoding/bytes.ts";
import { Addresses } from "../../src/engines/wasm/cosmwasm/addresses.ts";
import { CosmWasmFrame } from "../../src/engines/wasm/cosmwasm/frame.ts";
import { decodeSections, encodeSections, readBytes } from "../../src/engines/wasm/cosmwasm/region.ts";
import { revertText } from "../../src/engines/wasm/cosmwasm/revert-text.ts";
import { GUEST_REVERT, type InstanceSlot } from "../../src/engines/wasm/instance-slot.ts";
import { GasMeter, Halt } from "../../src/execution/gas.ts";
import { CosmWasmChain } from "../support/cosmwasm-chain.ts";
import { echoContract } from "../support/cosmwasm-echo.ts";

type Import = (...args: number[]) => number | bigint;

/** A guest in TypeScript: a memory with a bump allocator, and state in a Map. */
class Guest {
  readonly bytes = new Uint8Array(4 * 65_536);
  readonly state = new Map<string, Uint8Array>();
  readonly gas = new GasMeter(1e12);
  readonly addresses = new Addresses("poly");
  readonly frame: CosmWasmFrame;
  /** Replaces `allocate`: what a hostile contract answers. */
  allocator: ((size: number) => number | bigint) | undefined;
  #next = 1024;

  constructor() {
    const guest = this;
    const host = {
      gas: this.gas,
      charge: (_item: string, amount: number) => this.gas.charge(amount),
      get: (key: Uint8Array) => this.state.get(latin1(key)),
      set: (key: Uint8Array, value: Uint8Array) => void this.state.set(latin1(key), value.slice()),
      delete: (key: Uint8Array) => void this.state.delete(latin1(key)),
      *range(start: Uint8Array, end: Uint8Array | undefined, reverse: boolean) {
        const keys = [...guest.state.keys()]
          .filter((key) => key >= latin1(start) && (!end || key < latin1(end)))
          .sort();
        for (const key of reverse ? keys.reverse() : keys)
          yield { key: new Uint8Array(Buffer.from(key, "latin1")), value: guest.state.get(key)! };
      },
    };
    const slot = {
      host,
      bytes: this.bytes,
      lend: (pointer: number, length: number) => this.bytes.subarray(pointer, pointer + length),
      claim: (pointer: number) => pointer >>> 0,
      call: (_name: string, size: number) => (this.allocator ?? ((bytes) => this.allocate(bytes)))(size),
      has: () => true,
      outside: <T>(work: () => T) => work(),
    } as unknown as InstanceSlot;
    this.frame = new CosmWasmFrame(slot, this.addresses, "upoly");
  }

  /** Runs an import. */
  run(name: string, ...args: number[]): number {
    return Number((this.frame.imports["env"] as unknown as Record<string, Import>)[name]!(...args));
  }

  allocate(capacity: number): number {
    const at = this.#next;
    this.#next += capacity + 12 + 4;
    writeU32(this.bytes, at, at + 12);
    writeU32(this.bytes, at + 4, capacity);
    writeU32(this.bytes, at + 8, 0);
    return at;
  }

  put(bytes: Uint8Array | string): number {
    const data = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
    const at = this.allocate(data.length);
    this.bytes.set(data, at + 12);
    writeU32(this.bytes, at + 8, data.length);
    return at;
  }

  take(pointer: number): Uint8Array {
    return readBytes(this, pointer, 1 << 20);
  }

  text(pointer: number): string {
    return Buffer.from(this.take(pointer)).toString("utf8");
  }

  claim(pointer: number): number {
    return pointer;
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

describe("storage imports", () => {
  it("read, write and remove; what is absent has no region", () => {
    const guest = new Guest();
    expect(guest.run("db_read", guest.put("key"))).toBe(0);
    guest.run("db_write", guest.put("key"), guest.put("value"));
    expect(guest.text(guest.run("db_read", guest.put("key")))).toBe("value");
    guest.run("db_remove", guest.put("key"));
    expect(guest.run("db_read", guest.put("key"))).toBe(0);
  });

  it("scan both ways, from and to the ends where no bound is given", () => {
    const guest = new Guest();
    for (const key of ["a", "b", "c", "d", "\xff\xff"]) guest.state.set(key, Uint8Array.of(key.charCodeAt(0)));
    const scan = (start: string | undefined, end: string | undefined, order: number) => {
      const bound = (text: string | undefined) => (text === undefined ? 0 : guest.put(text));
      const id = guest.run("db_scan", bound(start), bound(end), order);
      const keys: string[] = [];
      for (;;) {
        const [key, value] = decodeSections(guest.take(guest.run("db_next", id)), 2) as [Uint8Array, Uint8Array];
        if (key.length === 0) return keys;
        expect(value[0]).toBe(key[0]);
        keys.push(latin1(key));
      }
    };
    expect(scan(undefined, undefined, 1)).toEqual(["a", "b", "c", "d", "\xff\xff"]);
    expect(scan("b", "d", 1)).toEqual(["b", "c"]);
    expect(scan("b", undefined, 2)).toEqual(["\xff\xff", "d", "c", "b"]);
    expect(scan("x", "x", 1)).toEqual([]);
  });

  it("iterate by keys or by values alone", () => {
    const guest = new Guest();
    for (const key of ["a", "b", "c"]) guest.state.set(key, Uint8Array.of(1, 2));
    const id = guest.run("db_scan", 0, 0, 1);
    expect(guest.text(guest.run("db_next_key", id))).toBe("a");
    expect(guest.take(guest.run("db_next_value", id))).toEqual(Uint8Array.of(1, 2));
    expect(guest.text(guest.run("db_next_key", id))).toBe("c");
    expect(guest.run("db_next_key", id)).toBe(0);
    expect(guest.run("db_next_value", id)).toBe(0);
  });

  it("halt for iterators that are none, orders that are none, and keys beyond the limit", () => {
    const guest = new Guest();
    for (const [name, ...args] of [
      ["db_next", 1],
      ["db_next", 0],
      ["db_next", -1],
      ["db_scan", 0, 0, 0],
      ["db_scan", 0, 0, 3],
      ["db_read", guest.put(new Uint8Array(64 * 1024 + 1))],
      ["db_write", guest.put("k"), guest.put(new Uint8Array(128 * 1024 + 1))],
    ] as [string, ...number[]][])
      expect(() => guest.run(name, ...args)).toThrow(Halt);
  });

  it("hand no iterator to the next entry point", () => {
    const guest = new Guest();
    const id = guest.run("db_scan", 0, 0, 1);
    expect(guest.frame.run("reply", new Uint8Array(0), new Uint8Array(0))).toHaveLength(0);
    expect(() => guest.run("db_next", id)).toThrow(Halt);
  });
});

describe("address imports", () => {
  const bytes = new Uint8Array(20).fill(9);

  it("validate, canonicalize and humanize", () => {
    const guest = new Guest();
    const text = guest.addresses.text(bytes);
    expect(guest.run("addr_validate", guest.put(text))).toBe(0);
    const canonical = guest.allocate(64);
    expect(guest.run("addr_canonicalize", guest.put(text), canonical)).toBe(0);
    expect(guest.take(canonical)).toEqual(bytes);
    const human = guest.allocate(90);
    expect(guest.run("addr_humanize", canonical, human)).toBe(0);
    expect(guest.text(human)).toBe(text);
  });

  it("answer with a text what is wrong", () => {
    const guest = new Guest();
    const problem = (input: Uint8Array | string) => guest.text(guest.run("addr_validate", guest.put(input)));
    expect(problem("")).toBe("Input is empty");
    expect(problem(Uint8Array.of(0xff))).toBe("Input is not valid UTF-8");
    expect(problem("cosmos1x")).toBe("address does not begin with poly1");
    expect(problem(guest.addresses.text(bytes).toUpperCase())).not.toBe("");
    expect(guest.text(guest.run("addr_humanize", guest.put("short"), guest.allocate(90)))).toMatch(/20 bytes, not 5/);
    // The destination is the guest's: too small for what it asked for.
    expect(() => guest.run("addr_canonicalize", guest.put(guest.addresses.text(bytes)), guest.allocate(19))).toThrow(
      Halt,
    );
  });
});

describe("crypto imports", () => {
  it("answer a recovered key in the low half, an error in the high one", () => {
    const guest = new Guest();
    const hash = guest.put(new Uint8Array(32).fill(255));
    const signature = guest.put(
      Buffer.from(
        "e30f2e6a0f705f4fb5f8501ba79c7c0d3fac847f1ad70b873e9797b17b89b39081f1a4457589f30d76ab9f89e748a68c8a94c30fe0bac8fb5c0b54ea70bf6d2f",
        "hex",
      ),
    );
    const pointer = guest.run("secp256k1_recover_pubkey", hash, signature, 0);
    const key = guest.take(pointer);
    expect([key.length, key[0], key[1]]).toEqual([65, 4, 0xf3]);
    expect(guest.run("secp256k1_verify", hash, signature, guest.put(key))).toBe(0);
    expect(guest.run("secp256k1_recover_pubkey", hash, signature, 2)).toBe(6 * 2 ** 32);
    expect(guest.run("secp256k1_verify", hash, signature, guest.put("no key"))).toBe(5);
  });

  it("charge before they work: not a hash is computed on credit", () => {
    const guest = new Guest();
    guest.gas.reset(50_000);
    const points = [guest.put(new Uint8Array(48)), guest.put(new Uint8Array(96))] as const;
    expect(() => guest.run("bls12_381_pairing_equality", points[0], points[1], points[0], points[1])).toThrow(
      /OutOfGas/,
    );
    guest.gas.reset(50_000);
    expect(() => guest.run("bls12_381_hash_to_g2", 0, points[0], points[0], points[1])).toThrow(/OutOfGas/);
    guest.gas.reset(50_000);
    const batch = guest.put(encodeSections(Array.from({ length: 256 }, () => new Uint8Array(64))));
    const keys = guest.put(encodeSections(Array.from({ length: 256 }, () => new Uint8Array(32))));
    expect(() => guest.run("ed25519_batch_verify", batch, batch, keys)).toThrow(/OutOfGas/);
  });
});

describe("abort and debug", () => {
  it("abort reverts with what the contract said", () => {
    const guest = new Guest();
    let thrown: unknown;
    try {
      guest.run("abort", guest.put("panicked at 'no', src/contract.rs:7:9"));
    } catch (caught) {
      thrown = caught;
    }
    expect(thrown).toBe(GUEST_REVERT);
    expect(revertText(guest.frame.revertData)).toBe("Aborted: panicked at 'no', src/contract.rs:7:9");
    guest.run("debug", guest.put("anything"));
  });
});

describe("a hostile allocate", () => {
  it.each<[string, (guest: Guest, size: number) => number | bigint]>([
    ["answers zero", () => 0],
    ["answers a pointer outside the memory", () => 0x7fff_ffff],
    ["answers a negative pointer", () => -4],
    ["answers the last bytes of the memory", (guest) => guest.bytes.length - 4],
    ["answers a smaller region", (guest, size) => guest.allocate(size - 1)],
    [
      "answers a region that leads outside",
      (guest, size) => {
        const at = guest.allocate(size);
        writeU32(guest.bytes, at, guest.bytes.length - 1);
        return at;
      },
    ],
    [
      "answers a region whose bytes are its own header's neighbour at zero",
      (guest, size) => {
        const at = guest.allocate(size);
        writeU32(guest.bytes, at, 0);
        return at;
      },
    ],
    ["answers no i32", () => 5n],
  ])("that %s halts the frame", (_name, allocator) => {
    const guest = new Guest();
    guest.state.set("key", new Uint8Array(100).fill(7));
    const key = guest.put("key");
    const before = guest.bytes.slice();
    guest.allocator = (size) => allocator(guest, size);
    expect(() => guest.run("db_read", key)).toThrow(Halt);
    // Nothing of the value was written anywhere.
    expect(guest.bytes.indexOf(7)).toBe(before.indexOf(7));
  });

  it("that lays a region over its own header is its own problem, and nobody else's", () => {
    const guest = new Guest();
    guest.state.set("key", new Uint8Array(12).fill(1));
    guest.allocator = (size) => {
      const at = guest.allocate(size);
      writeU32(guest.bytes, at, at);
      return at;
    };
    const at = guest.run("db_read", guest.put("key"));
    expect(readU32(guest.bytes, at + 8)).toBe(12);
  });

  it("loops for ever only as long as there is gas", async () => {
    const looping = await echoContract((source) =>
      source.replace("(local.set $region (global.get $next))", "(loop $l (br $l))"),
    );
    const chain = new CosmWasmChain();
    const alice = chain.account("alice");
    const result = chain.instantiate(alice, chain.store(looping), {}, { gas: 100_000 });
    expect(result).toMatchObject({ status: "halted", haltReason: "OutOfGas", gasUsed: 100_000 });
  });
});
