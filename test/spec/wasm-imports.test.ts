/** The imports of the polytorus ABI, one after the other, in contracts written as WebAssembly text. */

import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import { ALICE, BOB } from "../support/engine.ts";
import { contractText, WasmChain, wasmOf } from "../support/wasm-chain.ts";

/** Deploys a contract whose `call` does this, and calls it. */
function run(call: string, calldata = "0x", rest = "") {
  const chain = new WasmChain();
  const address = chain.install(ALICE, wasmOf(contractText({ call, rest })));
  const receipt = chain.callRaw(BOB, address, calldata);
  return { chain, address, receipt, answer: toHex(receipt.returnData) };
}

const text = (value: string) => toHex(Buffer.from(value));

describe("input and answer", () => {
  it("hands the calldata over in parts, and answers with any bytes", () => {
    const { answer } = run(
      `(i32.store (i32.const 0) (call $input_length))
       (call $input_read (i32.const 4) (i32.const 1) (i32.const 3))
       (call $return_data (i32.const 0) (i32.const 7))`,
      "0x0102030405",
    );
    expect(answer).toBe("0x05000000020304");
  });

  it("answers nothing when the contract answers nothing, and the last of several answers", () => {
    expect(run("").answer).toBe("0x");
    const two = "(call $return_data (i32.const 0) (i32.const 4)) (call $return_data (i32.const 8) (i32.const 2))";
    expect(run(two).answer).toBe("0x0000");
  });

  it("reverts with the contract's bytes and goes no further", () => {
    const { receipt, answer } = run(
      `(call $revert (i32.const 16) (i32.const 3)) (call $state_set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1))`,
      "0x",
      `(data (i32.const 16) "\\aa\\bb\\cc")`,
    );
    expect([receipt.status, answer, receipt.logs]).toEqual(["reverted", "0xaabbcc", []]);
  });

  it("reverts with Error(string) where AssemblyScript aborts", () => {
    const { receipt } = run(
      `(call $abort (i32.const 20) (i32.const 40) (i32.const 7) (i32.const 9))`,
      "0x",
      `(data (i32.const 16) "\\08\\00\\00\\00b\\00a\\00d\\00!\\00") (data (i32.const 36) "\\08\\00\\00\\00a\\00.\\00t\\00s\\00")`,
    );
    expect(receipt.status).toBe("reverted");
    expect(Buffer.from(receipt.returnData).toString("latin1")).toContain("abort: bad! at a.ts:7:9");
  });

  it("halts with InvalidOutput for an answer over 128 KiB", () => {
    const { receipt } = run(`(call $return_data (i32.const 0) (i32.const 131073))`);
    expect([receipt.status, receipt.haltReason]).toEqual(["halted", "InvalidOutput"]);
  });
});

describe("context", () => {
  it("says who is called by whom, with what, in which block", () => {
    const chain = new WasmChain();
    chain.timestampMs = 1_700_000_000_123;
    const code = wasmOf(
      contractText({ call: "(call $context (i32.const 8)) (call $return_data (i32.const 8) (i32.const 116))" }),
    );
    const address = chain.install(ALICE, code);
    const data = Buffer.from(chain.callRaw(BOB, address).returnData);
    expect(toHex(data, 0, 20)).toBe(address);
    expect(toHex(data, 20, 40)).toBe(BOB);
    expect(toHex(data, 40, 60)).toBe(BOB);
    expect(data.subarray(60, 92).every((byte) => byte === 0)).toBe(true);
    expect(data.readBigUInt64LE(92)).toBe(1n);
    expect(data.readBigUInt64LE(100)).toBe(1_700_000_000_123n);
    expect(data.readBigUInt64LE(108)).toBe(1337n);
  });

  it("shows the value that came with the call, big-endian, and the native balance", () => {
    const chain = new WasmChain({ balances: { [BOB]: 1_000n } });
    const code = wasmOf(
      contractText({
        call: `(call $context (i32.const 0))
          (call $balance (i32.const 0) (i32.const 92))
          (call $return_data (i32.const 60) (i32.const 64))`,
      }),
    );
    const address = chain.install(ALICE, code);
    const { returnData } = chain.call({ sender: BOB, to: address, calldata: "0x", value: "259" });
    expect(toHex(returnData, 0, 32)).toBe(`0x${"103".padStart(64, "0")}`);
    expect(toHex(returnData, 32, 64)).toBe(`0x${"103".padStart(64, "0")}`);
  });

  it("tells the gas that is left, less at each question", () => {
    const { receipt } = run(
      `(i64.store (i32.const 0) (call $gas_remaining)) (i64.store (i32.const 8) (call $gas_remaining))
       (call $return_data (i32.const 0) (i32.const 16))`,
    );
    const data = Buffer.from(receipt.returnData);
    const [first, second] = [data.readBigUInt64LE(0), data.readBigUInt64LE(8)];
    expect(first).toBeLessThan(10_000_000n - 21_000n);
    expect(first - second).toBeGreaterThan(0n);
    expect(first - second).toBeLessThan(20n);
  });
});

describe("state", () => {
  const KEYS = `(data (i32.const 0) "k1k2k3") (data (i32.const 16) "value of forty bytes, or nearly that many")`;

  it("reads what was written, tells absent from empty, and forgets what was deleted", () => {
    const { answer } = run(
      `(i32.store (i32.const 100) (call $state_get (i32.const 0) (i32.const 2) (i32.const 200) (i32.const 64)))
       (call $state_set (i32.const 0) (i32.const 2) (i32.const 16) (i32.const 40))
       (i32.store (i32.const 104) (call $state_get (i32.const 0) (i32.const 2) (i32.const 200) (i32.const 5)))
       (i32.store (i32.const 108) (call $result_length))
       (call $result_read (i32.const 205) (i32.const 5) (i32.const 35))
       (call $state_set (i32.const 2) (i32.const 2) (i32.const 16) (i32.const 0))
       (i32.store (i32.const 112) (call $state_get (i32.const 2) (i32.const 2) (i32.const 300) (i32.const 8)))
       (call $state_delete (i32.const 0) (i32.const 2))
       (i32.store (i32.const 116) (call $state_get (i32.const 0) (i32.const 2) (i32.const 300) (i32.const 8)))
       (call $return_data (i32.const 100) (i32.const 140))`,
      "0x",
      KEYS,
    );
    const data = Buffer.from(answer.slice(2), "hex");
    expect([0, 4, 8, 12, 16].map((at) => data.readInt32LE(at))).toEqual([-1, 40, 40, 0, -1]);
    expect(data.subarray(100, 140).toString()).toBe("value of forty bytes, or nearly that man");
  });

  it("walks a range in both directions, and to the end of the contract's keys", () => {
    const walk = (end: string, reverse: number) => `(local $at i32) (local $id i32)
      (call $state_set (i32.const 4) (i32.const 2) (i32.const 16) (i32.const 3))
      (call $state_set (i32.const 0) (i32.const 2) (i32.const 16) (i32.const 1))
      (call $state_set (i32.const 2) (i32.const 2) (i32.const 16) (i32.const 2))
      (local.set $id (call $range_open (i32.const 0) (i32.const 2) ${end} (i32.const ${reverse})))
      (local.set $at (i32.const 100))
      (block (loop
        (br_if 1 (i32.eqz (call $range_next (local.get $id))))
        (call $result_read (local.get $at) (i32.const 0) (call $result_length))
        (local.set $at (i32.add (local.get $at) (call $result_length)))
        (br 0)))
      (call $return_data (i32.const 100) (i32.sub (local.get $at) (i32.const 100)))`;
    const entry = (key: string, value: string) => `02000000${Buffer.from(key + value).toString("hex")}`;
    const [one, two, three] = [entry("k1", "v"), entry("k2", "va"), entry("k3", "val")];
    const toK3 = "(i32.const 4) (i32.const 2)";
    expect(run(walk(toK3, 0), "0x", KEYS).answer).toBe(`0x${one}${two}`);
    expect(run(walk(toK3, 1), "0x", KEYS).answer).toBe(`0x${two}${one}`);
    expect(run(walk("(i32.const 0) (i32.const 0)", 0), "0x", KEYS).answer).toBe(`0x${one}${two}${three}`);
  });

  it("keeps sixteen iterators open, and halts for one more", () => {
    const open = "(drop (call $range_open (i32.const 0) (i32.const 1) (i32.const 4) (i32.const 1) (i32.const 0)))";
    expect(run(open.repeat(16)).receipt.status).toBe("success");
    expect(run(open.repeat(17)).receipt.haltReason).toBe("StateLimit");
  });

  it("halts for an iterator that was never opened", () => {
    expect(run("(drop (call $range_next (i32.const 3)))").receipt.haltReason).toBe("Unreachable");
  });

  it("halts for a key and a value longer than the chain allows", () => {
    const rest = `(func (export "grow") (drop (memory.grow (i32.const 3))))`;
    const key = `(drop (memory.grow (i32.const 3))) (call $state_set (i32.const 0) (i32.const 65536) (i32.const 0) (i32.const 1))`;
    const value = `(drop (memory.grow (i32.const 3))) (call $state_set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 131073))`;
    expect(run(key, "0x", rest).receipt.haltReason).toBe("StateLimit");
    expect(run(value, "0x", rest).receipt.haltReason).toBe("StateLimit");
  });
});

describe("logs", () => {
  const log = (topics: number) => `(call $log (i32.const 0) (i32.const ${topics}) (i32.const 32) (i32.const 3))`;

  it("appends logs with up to four topics", () => {
    const { receipt, address } = run(log(0) + log(4), "0x", `(data (i32.const 31) "\\01abc")`);
    const word = `0x${"01".padStart(64, "0")}`;
    expect(
      receipt.logs.map((entry) => ({
        address: toHex(entry.address),
        topics: entry.topics.map((t) => toHex(t)),
        data: toHex(entry.data),
      })),
    ).toEqual([
      { address, topics: [], data: text("abc") },
      {
        address,
        topics: [word, `0x616263${"00".repeat(29)}`, `0x${"00".repeat(32)}`, `0x${"00".repeat(32)}`],
        data: text("abc"),
      },
    ]);
  });

  it("halts for a fifth topic", () => {
    expect(run(log(5)).receipt.haltReason).toBe("LogLimit");
  });
});

describe("hashes and signatures", () => {
  it("hashes with Keccak-256 and SHA-256", () => {
    const { answer } = run(
      `(call $keccak256 (i32.const 0) (i32.const 3) (i32.const 32)) (call $sha256 (i32.const 0) (i32.const 3) (i32.const 64))
       (call $return_data (i32.const 32) (i32.const 64))`,
      "0x",
      `(data (i32.const 0) "abc")`,
    );
    const message = Buffer.from("abc");
    expect(answer).toBe(toHex(Buffer.concat([keccak_256(message), createHash("sha256").update(message).digest()])));
  });

  it("recovers a signer as ecrecover does, and answers 0 for what is no signature", () => {
    const secp256k1 = createRequire(import.meta.url)("secp256k1/bindings.js");
    const secret = Buffer.alloc(32, 7);
    const digest = Buffer.from(keccak_256(Buffer.from("message")));
    const { signature, recid } = secp256k1.ecdsaSign(digest, secret);
    const signer = toHex(keccak_256(secp256k1.publicKeyCreate(secret, false).subarray(1)).slice(12));
    const call = `(call $input_read (i32.const 0) (i32.const 0) (call $input_length))
      (i32.store8 (i32.const 200) (call $recover (i32.const 0) (i32.const 32) (i32.const 201)))
      (call $return_data (i32.const 200) (i32.const 21))`;
    const input = (v: number) => toHex(Buffer.concat([digest, signature, Buffer.of(v)]));
    expect(run(call, input(27 + recid)).answer).toBe(`0x01${signer.slice(2)}`);
    expect(run(call, input(recid)).answer).toBe(`0x00${"00".repeat(20)}`);
  });
});

describe("pointers", () => {
  /** One page: what lies beyond is outside on every machine. */
  const END = 65_536;

  it.each([
    ["input_read", `(call $input_read (i32.const ${END - 1}) (i32.const 0) (i32.const 2))`],
    ["input_read beyond the input", `(call $input_read (i32.const 0) (i32.const 1) (i32.const 2))`],
    ["return_data", `(call $return_data (i32.const ${END}) (i32.const 1))`],
    ["revert", `(call $revert (i32.const -1) (i32.const 2))`],
    ["context", `(call $context (i32.const ${END - 115}))`],
    ["state_get key", `(drop (call $state_get (i32.const ${END}) (i32.const 1) (i32.const 0) (i32.const 1)))`],
    ["state_set value", `(call $state_set (i32.const 0) (i32.const 1) (i32.const ${END - 1}) (i32.const 2))`],
    ["state_delete", `(call $state_delete (i32.const -2) (i32.const 3))`],
    [
      "range_open",
      `(drop (call $range_open (i32.const 0) (i32.const 1) (i32.const ${END}) (i32.const 1) (i32.const 0)))`,
    ],
    ["result_read", `(call $result_read (i32.const 0) (i32.const 0) (i32.const 1))`],
    ["log topics", `(call $log (i32.const ${END - 32}) (i32.const 2) (i32.const 0) (i32.const 0))`],
    ["log data", `(call $log (i32.const 0) (i32.const 0) (i32.const ${END}) (i32.const 1))`],
    [
      "call address",
      `(drop (call $call (i32.const ${END - 19}) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0) (i32.const 0)))`,
    ],
    [
      "call value",
      `(drop (call $call (i32.const 0) (i32.const ${END}) (i32.const 0) (i32.const 0) (i64.const 0) (i32.const 0)))`,
    ],
    [
      "call input",
      `(drop (call $call (i32.const 0) (i32.const 0) (i32.const ${END}) (i32.const 1) (i64.const 0) (i32.const 0)))`,
    ],
    ["keccak256", `(call $keccak256 (i32.const 0) (i32.const 1) (i32.const ${END - 31}))`],
    ["sha256", `(call $sha256 (i32.const ${END}) (i32.const 1) (i32.const 0))`],
    ["recover", `(drop (call $recover (i32.const ${END - 31}) (i32.const 0) (i32.const 0)))`],
    ["abort", `(call $abort (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0))`],
  ])("that leave the memory halt: %s", (_name, call) => {
    const { receipt } = run(call, "0x0102");
    expect([receipt.status, receipt.haltReason, receipt.gasUsed]).toEqual(["halted", "Unreachable", 10_000_000]);
  });

  it("reach the last byte", () => {
    expect(run(`(call $input_read (i32.const ${END - 2}) (i32.const 0) (i32.const 2))`, "0x0102").receipt.status).toBe(
      "success",
    );
    expect(fromHex("0x")).toEqual(new Uint8Array(0));
  });
});
