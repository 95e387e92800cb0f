/** Every call of a WebAssembly contract finds an instance as if it were new, whatever ran on it before. */
import { describe, expect, it } from "vitest";
import { encodeCall } from "../../src/encoding/abi.ts";
import { getErc20FunctionByName } from "../../src/encoding/erc20-abi.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import { ALICE, BOB, CAROL } from "../support/engine.ts";
import { contractText, WasmChain, wasmOf } from "../support/wasm-chain.ts";

/** Bits of the first byte of calldata: what the call does after it has looked around. */
const Then = { dirty: 1, revert: 2, trap: 4, grow: 8, growFar: 16, slack: 32 } as const;
/** Memories of more pages have slack behind their end, where stores reach without growing. */
const PAGES_WITHOUT_SLACK = 2;

/**
 * Answers 16 bytes: a global, the memory's size, and two words of memory, one in a data segment and one that begins as zero;
 * then changes all of them as asked.
 */
function observer(pages: number): Uint8Array {
  const last = pages * 65_536 - 4;
  const behind = pages > PAGES_WITHOUT_SLACK ? pages * 65_536 + 65_536 : last - 8;
  return wasmOf(
    contractText({
      memory: String(pages),
      rest: `(global $g (mut i32) (i32.const 11)) (data (i32.const 512) "\\0d\\00\\00\\00")`,
      call: `(local $do i32)
        (call $input_read (i32.const 1024) (i32.const 0) (i32.const 1))
        (local.set $do (i32.load8_u (i32.const 1024)))
        (i32.store (i32.const 256) (global.get $g))
        (i32.store (i32.const 260) (memory.size))
        (i32.store (i32.const 264) (i32.load (i32.const 512)))
        (i32.store (i32.const 268) (i32.load (i32.const ${last})))
        (i32.store (i32.const 272) (i32.load (i32.const ${behind})))
        (call $return_data (i32.const 256) (i32.const 20))
        (if (i32.and (local.get $do) (i32.const 1)) (then
          (global.set $g (i32.const 99)) (i32.store (i32.const 512) (i32.const 98)) (i32.store (i32.const ${last}) (i32.const 97))
          (memory.fill (i32.const 2048) (i32.const 5) (i32.const 4096))))
        (if (i32.and (local.get $do) (i32.const 8)) (then (drop (memory.grow (i32.const 2)))))
        (if (i32.and (local.get $do) (i32.const 16)) (then (drop (memory.grow (i32.const 7)))))
        (if (i32.and (local.get $do) (i32.const 32)) (then
          (i32.store (i32.const ${behind}) (i32.const 96))))
        (if (i32.and (local.get $do) (i32.const 2)) (then (call $revert (i32.const 0) (i32.const 0))))
        (if (i32.and (local.get $do) (i32.const 4)) (then (unreachable)))`,
    }),
  );
}

describe.each([1, 2, 3, 17])("an instance of %i pages", (pages) => {
  const fresh = toHex(new Uint8Array(new Uint32Array([11, pages, 13, 0, 0]).buffer));

  it.each([
    ["a success", Then.dirty],
    ["a revert", Then.dirty | Then.revert],
    ["a trap", Then.dirty | Then.trap],
    ["growth within the slack", Then.dirty | Then.grow],
    ["growth beyond the slack", Then.dirty | Then.growFar],
    ["growth and a trap", Then.dirty | Then.growFar | Then.trap],
    ["writes behind the memory's end", Then.dirty | Then.slack],
    ["writes behind the memory's end and a revert", Then.slack | Then.revert],
  ])("is as new after %s", (_name, then) => {
    const chain = new WasmChain();
    const address = chain.install(ALICE, observer(pages));
    const input = `0x${then.toString(16).padStart(2, "0")}`;
    const statuses = [1, 2].map(() => chain.callRaw(BOB, address, input).status);
    const ends = then & Then.trap ? "halted" : then & Then.revert ? "reverted" : "success";
    expect(statuses).toEqual([ends, ends]);
    const after = chain.callRaw(BOB, address, "0x00");
    expect(toHex(after.returnData)).toBe(fresh);
    const again = chain.callRaw(BOB, address, input);
    if (ends === "success") expect(toHex(again.returnData)).toBe(fresh);
  });
});

/** Calls the address in bytes 1 to 21 of its input with the rest of it; byte 0 is the flags. Answers status, then the answer. */
const CALLER = contractText({
  call: `(local $length i32)
    (local.set $length (call $input_length))
    (call $input_read (i32.const 1024) (i32.const 0) (local.get $length))
    (i32.store8 (i32.const 512) (call $call (i32.const 1025) (i32.const 0) (i32.const 1045)
      (i32.sub (local.get $length) (i32.const 21)) (i64.const 0) (i32.load8_u (i32.const 1024))))
    (call $result_read (i32.const 513) (i32.const 0) (call $result_length))
    (call $return_data (i32.const 512) (i32.add (i32.const 1) (call $result_length)))`,
});

const through = (address: string, inner: string, flags = 0) =>
  `0x${flags.toString(16).padStart(2, "0")}${address.slice(2)}${inner.slice(2)}`;

describe("calls between contracts", () => {
  it("answer what the callee answers, also when a contract calls itself many times over", () => {
    const chain = new WasmChain();
    const caller = chain.install(ALICE, wasmOf(CALLER));
    const target = chain.install(ALICE, observer(1));
    const answer = toHex(chain.callRaw(BOB, target, "0x00").returnData);
    let input = through(target, "0x00");
    expect(toHex(chain.callRaw(BOB, caller, input).returnData)).toBe(`0x00${answer.slice(2)}`);
    for (let depth = 0; depth < 20; depth++) input = through(caller, input);
    const { status, returnData } = chain.callRaw(BOB, caller, input);
    expect([status, toHex(returnData)]).toEqual(["success", `0x${"00".repeat(21)}${answer.slice(2)}`]);
  });

  it("stop at the chain's depth, without harm to those above", () => {
    const chain = new WasmChain({ parameters: { callDepthMax: 5 } });
    const caller = chain.install(ALICE, wasmOf(CALLER));
    let input = through(caller, "0x");
    for (let depth = 0; depth < 5; depth++) input = through(caller, input);
    const { status, returnData } = chain.callRaw(BOB, caller, input);
    expect([status, toHex(returnData)]).toEqual(["success", "0x0000000002"]);
  });

  it("share one stack height, so that depth of calls does not multiply depth of recursion", () => {
    const chain = new WasmChain();
    const rest = `(func $deeper (param $n i32) (if (local.get $n) (then (call $deeper (i32.sub (local.get $n) (i32.const 1))))))`;
    const dig = (depth: number) => `(local $length i32) (local.set $length (call $input_length))
      (call $input_read (i32.const 1024) (i32.const 0) (local.get $length))
      (if (i32.lt_u (local.get $length) (i32.const 21)) (then (call $deeper (i32.const ${depth})) (return)))
      (if (call $call (i32.const 1025) (i32.const 0) (i32.const 1045) (i32.sub (local.get $length) (i32.const 21)) (i64.const 0) (i32.const 0))
        (then (unreachable)))`;
    const statusOf = (recursion: number, calls: number) => {
      const digger = chain.install(ALICE, wasmOf(contractText({ call: dig(recursion), rest })));
      let input = "0x";
      for (let depth = 0; depth < calls; depth++) input = through(digger, input);
      return chain.callRaw(BOB, digger, input).status;
    };
    expect([statusOf(1_000, 0), statusOf(100, 63), statusOf(1_000, 63)]).toEqual(["success", "success", "halted"]);
  });

  it("see one another's writes when a contract is entered again while it runs", () => {
    const chain = new WasmChain();
    const reentrant = wasmOf(
      contractText({
        rest: `(global $entered (mut i32) (i32.const 0))`,
        call: `(local $n i32)
          (global.set $entered (i32.add (global.get $entered) (i32.const 1)))
          (drop (call $state_get (i32.const 0) (i32.const 1) (i32.const 16) (i32.const 1)))
          (i32.store8 (i32.const 16) (i32.add (i32.load8_u (i32.const 16)) (i32.const 1)))
          (call $state_set (i32.const 0) (i32.const 1) (i32.const 16) (i32.const 1))
          (call $context (i32.const 100))
          (if (i32.lt_u (i32.load8_u (i32.const 16)) (i32.const 5)) (then
            (drop (call $call (i32.const 100) (i32.const 0) (i32.const 0) (i32.const 1) (i64.const 0) (i32.const 0)))))
          (drop (call $state_get (i32.const 0) (i32.const 1) (i32.const 17) (i32.const 1)))
          (i32.store8 (i32.const 18) (global.get $entered))
          (call $return_data (i32.const 16) (i32.const 3))`,
      }),
    );
    const address = chain.install(ALICE, reentrant);
    // The first frame wrote 1, found 5 after the inner ones, and was entered once itself.
    expect(toHex(chain.callRaw(BOB, address, "0x01").returnData)).toBe("0x010501");
  });

  it("may not write below a static call, whichever way", () => {
    const chain = new WasmChain();
    const caller = chain.install(ALICE, wasmOf(CALLER));
    for (const write of [
      "(call $state_set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1))",
      "(call $state_delete (i32.const 0) (i32.const 1))",
      "(call $log (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))",
    ]) {
      const writer = chain.install(ALICE, wasmOf(contractText({ call: write })));
      expect(toHex(chain.callRaw(BOB, caller, through(writer, "0x01")).returnData)).toBe("0x00");
      expect(toHex(chain.callRaw(BOB, caller, through(writer, "0x01", 1), 1_000_000).returnData)).toBe("0x");
      const query = chain.query({ sender: BOB, to: writer, calldata: "0x01" });
      expect([query.status, query.haltReason]).toEqual(["halted", "StaticWrite"]);
    }
  });

  it("reach the built-in token, which sees the contract as its caller", () => {
    const chain = new WasmChain();
    const caller = chain.install(ALICE, wasmOf(CALLER));
    const token = chain.deploy(ALICE, { type: "erc20", name: "T", symbol: "T", decimals: 0, initialSupply: "100" });
    const address = toHex(token.contractAddress!);
    chain.call({ sender: ALICE, to: address, entrypoint: "transfer", args: [caller, "60"] });
    const inner = toHex(encodeCall(getErc20FunctionByName("transfer")!, [CAROL, "25"]));
    const receipt = chain.callRaw(BOB, caller, through(address, inner));
    expect(toHex(receipt.returnData)).toBe(`0x00${"1".padStart(64, "0")}`);
    expect(receipt.logs.map((log) => toHex(log.topics[1]!, 12))).toEqual([caller]);
    const left = chain.query({ sender: BOB, to: address, entrypoint: "balanceOf", args: [caller] });
    expect(BigInt(toHex(left.returnData))).toBe(35n);
  });

  it("hand on at most the gas asked for, and lose it when the callee halts", () => {
    const chain = new WasmChain();
    const spinner = chain.install(ALICE, wasmOf(contractText({ call: "(loop (br 0))" })));
    const caller = chain.install(
      ALICE,
      wasmOf(
        contractText({
          call: `(call $input_read (i32.const 0) (i32.const 0) (i32.const 20))
            (i32.store8 (i32.const 32) (call $call (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1) (i64.const 50000) (i32.const 0)))
            (call $return_data (i32.const 32) (i32.const 1))`,
        }),
      ),
    );
    const receipt = chain.callRaw(BOB, caller, spinner);
    expect([receipt.status, toHex(receipt.returnData)]).toEqual(["success", "0x02"]);
    expect(receipt.gasUsed).toBeGreaterThan(71_000);
    expect(receipt.gasUsed).toBeLessThan(76_000);
  });

  it("move native value, and revert without cover", () => {
    const pay = `(call $input_read (i32.const 0) (i32.const 0) (i32.const 52))
      (i32.store8 (i32.const 64) (call $call (i32.const 0) (i32.const 20) (i32.const 0) (i32.const 0) (i64.const 0) (i32.const 0)))
      (call $return_data (i32.const 64) (i32.const 1))`;
    const chain = new WasmChain({ balances: { [BOB]: 1_000n } });
    const payer = chain.install(ALICE, wasmOf(contractText({ call: pay })));
    const input = (amount: number) => `${CAROL}${amount.toString(16).padStart(64, "0")}`;
    const send = (amount: number) =>
      toHex(chain.call({ sender: BOB, to: payer, calldata: input(amount), value: "100" }).returnData);
    expect([send(60), send(141)]).toEqual(["0x00", "0x01"]);
    const { table } = chain.executor;
    const limbs = new Uint32Array(8);
    table.load(table.accountSlot(fromHex(CAROL)!, 0), limbs);
    expect(limbs[0]).toBe(60);
  });
});
