/** WASI programs as contracts: how a call reaches them, how they answer, what they can and cannot see of the machine. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { toHex } from "../../src/encoding/hex.ts";
import { EngineError } from "../../src/errors.ts";
import { ALICE, BOB } from "../support/engine.ts";
import { answerText, ECHO, program, programText, wasiChain } from "../support/wasi-programs.ts";
import { contractText, wasmOf } from "../support/wasm-chain.ts";

const hex = (text: string) => toHex(Buffer.from(text));

/** Runs a program once. */
function run(start: string, parts: { rest?: string; calldata?: string; gasLimit?: number } = {}) {
  const chain = wasiChain();
  const address = chain.install(ALICE, program(start, parts));
  const receipt = chain.callRaw(BOB, address, parts.calldata ?? "0x", parts.gasLimit);
  return { chain, address, receipt, text: answerText(receipt) };
}

/** Writes the bytes at an address to standard output. */
const out = (at: number, length: number) =>
  `(drop (call $write (i32.const 1) (i32.const ${at}) (i32.const ${length})))`;

/** Programs as C compilers make them, which come with the library. */
function compiled(name: string): Uint8Array {
  const folder = dirname(createRequire(import.meta.url).resolve("@wasmer/wasi/package.json"));
  return new Uint8Array(readFileSync(join(folder, "tests", `${name}.wasm`)));
}

describe("a call", () => {
  it("is standard input, and its answer standard output", () => {
    expect(run(ECHO, { calldata: hex("ping") }).text).toBe("ping");
    expect(run(ECHO).text).toBe("");
    expect(run("").text).toBe("");
  });

  it("arrives as JSON when it is a message, or an entrypoint and its arguments", () => {
    const { chain, address } = run(ECHO);
    expect(answerText(chain.call({ sender: BOB, to: address, msg: { b: 1, a: [true] } }))).toBe('{"a":[true],"b":1}');
    const receipt = chain.call({ sender: BOB, to: address, entrypoint: "transfer", args: [ALICE, "25"] });
    expect(JSON.parse(answerText(receipt))).toEqual({ entrypoint: "transfer", args: [ALICE, "25"] });
  });

  it("may be a query, which says so in its second argument and cannot write", () => {
    const mode = `(drop (call $args_get (i32.const 64) (i32.const 128))) ${out(128, 14)}`;
    const { chain, address, text } = run(mode);
    expect(text).toBe("contract\0call\0");
    const answer = chain.query({ sender: BOB, to: address });
    expect(answerText({ status: "success", returnData: answer.returnData })).toBe("contract\0query".slice(0, 14));
    const writer = chain.install(
      ALICE,
      program("(call $state_set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1))"),
    );
    expect(chain.query({ sender: BOB, to: writer })).toMatchObject({ status: "halted", haltReason: "StaticWrite" });
  });

  it("runs programs of C compilers as they are", () => {
    const chain = wasiChain();
    const install = (name: string) => {
      const { contractAddress } = chain.send({
        kind: "deploy",
        sender: ALICE,
        gasLimit: 100_000_000,
        contract: { type: "wasm", code: toHex(compiled(name)) },
      });
      return toHex(contractAddress!);
    };
    const reverse = install("pipe_reverse");
    expect(answerText(chain.callRaw(BOB, reverse, hex("abc\n")))).toContain("cba");
    const list = install("mapdir");
    const [first, second] = [chain.callRaw(BOB, list), chain.callRaw(BOB, list)];
    expect([first.status, answerText(first), first.gasUsed]).toEqual(["success", answerText(second), second.gasUsed]);
  });
});

describe("a deployment", () => {
  it("runs the program when it has init, and nothing otherwise", () => {
    const keep = `(call $state_set (i32.const 0) (i32.const 0) (i32.const 1024) (call $read (i32.const 1024)))`;
    const tell = `(drop (call $write (i32.const 1) (i32.const 2048)
      (call $state_get (i32.const 0) (i32.const 0) (i32.const 2048) (i32.const 100))))`;
    const code = program(`(drop (call $args_get (i32.const 64) (i32.const 128)))
      (if (i32.eq (i32.load8_u (i32.const 137)) (i32.const 100)) (then ${keep}) (else ${tell}))`);
    const chain = wasiChain();
    const address = chain.install(ALICE, code, { init: { supply: 5 } });
    expect(answerText(chain.callRaw(BOB, address))).toBe('{"supply":5}');
    expect(chain.deploy(ALICE, { type: "wasm", code: toHex(program("(unreachable)")) }).status).toBe("success");
    const failing = { type: "wasm", code: toHex(program("(call $proc_exit (i32.const 2))")), init: null };
    expect(answerText(chain.deploy(ALICE, failing))).toBe("exit code 2");
  });

  it("may name the ABI; an ABI that there is not is refused by name", () => {
    const chain = wasiChain();
    expect(chain.install(ALICE, program(ECHO), { abi: "wasi" })).toMatch(/^0x/);
    expect(() => chain.install(ALICE, program(ECHO), { abi: "polytorus" })).toThrow(/expected an import of the ABI/);
    expect(() => chain.install(ALICE, program(ECHO), { abi: "wasix" })).toThrow(/JSON, or one of polytorus, wasi/);
  });

  it.each([
    [
      "an import that is not there",
      `(import "wasi_snapshot_preview1" "sock_accept" (func (param i32 i32 i32) (result i32)))`,
    ],
    ["an import of another type", `(import "wasi_snapshot_preview1" "fd_read" (func (param i32) (result i32)))`],
    ["the interface before preview 1", `(import "wasi_unstable" "fd_close" (func (param i32) (result i32)))`],
    ["an import of its own", `(import "env" "print" (func (param i32)))`],
  ])("with %s is refused before it runs", (_name, text) => {
    const code = wasmOf(`(module ${text} (memory (export "memory") 1) (func (export "_start")))`);
    let problem: unknown;
    try {
      wasiChain().install(ALICE, code);
    } catch (thrown) {
      problem = thrown;
    }
    expect(problem).toBeInstanceOf(EngineError);
    expect(problem).toMatchObject({ code: "CODE_REJECTED", facts: { abi: "wasi", path: "contract.code" } });
  });

  it("without _start is refused, which a library for others is", () => {
    const code = wasmOf(`(module (import "wasi_snapshot_preview1" "fd_close" (func (param i32) (result i32)))
      (memory (export "memory") 1) (func (export "_initialize")))`);
    expect(() => wasiChain().install(ALICE, code)).toThrow(/_start/);
  });
});

describe("state, logs and calls", () => {
  const COUNTER = `
    (drop (call $state_get (i32.const 32) (i32.const 1) (i32.const 64) (i32.const 4)))
    (i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (i32.const 1)))
    (call $state_set (i32.const 32) (i32.const 1) (i32.const 64) (i32.const 4))
    ${out(64, 4)}`;

  it("are the host's, and last; memory and files do not", () => {
    const { chain, address } = run(COUNTER);
    expect(toHex(chain.callRaw(BOB, address).returnData)).toBe("0x02000000");
    expect(toHex(chain.callRaw(BOB, address).returnData)).toBe("0x03000000");
    const opened = `(drop (call $path_open (i32.const 4) (i32.const 0) (i32.const 48) (i32.const 1) (i32.const 9)
        (i64.const 0xfffffff) (i64.const 0xfffffff) (i32.const 0) (i32.const 16)))
      (drop (call $fd_filestat_get (i32.load (i32.const 16)) (i32.const 128)))
      (drop (call $write (i32.load (i32.const 16)) (i32.const 48) (i32.const 1)))
      ${out(128, 64)}`;
    const file = run(opened, { rest: '(data (i32.const 48) "f")' });
    expect(file.receipt.returnData.length).toBe(64);
    expect(toHex(file.chain.callRaw(BOB, file.address).returnData)).toBe(toHex(file.receipt.returnData));
  });

  it("are taken back by an exit code that is not 0", () => {
    const { chain, address } = run(`(call $log (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1)) ${COUNTER}
      (if (i32.eq (call $read (i32.const 1024)) (i32.const 1)) (then (call $proc_exit (i32.const 1))))`);
    const failed = chain.callRaw(BOB, address, "0x01");
    expect([failed.status, failed.logs]).toEqual(["reverted", []]);
    expect(toHex(chain.callRaw(BOB, address).returnData)).toBe("0x02000000");
  });

  it("let programs call contracts, WASI programs and others, and be called", () => {
    const chain = wasiChain();
    const echo = chain.install(ALICE, program(ECHO));
    const forward = (at: string) => `
      (i32.store (i32.const 8) (call $call (i32.const 1024) (i32.const 0) (i32.const 1044)
        (i32.sub (local.get $n) (i32.const 20)) (i64.const 0) (i32.const 0)))
      ${at}`;
    const caller = chain.install(
      ALICE,
      program(`(local $n i32) (local.set $n (call $read (i32.const 1024)))
      ${forward("(call $result_read (i32.const 4096) (i32.const 0) (call $result_length))")}
      (drop (call $write (i32.const 1) (i32.const 4096) (call $result_length)))`),
    );
    expect(answerText(chain.callRaw(BOB, caller, echo + hex("deep").slice(2)))).toBe("deep");
    const nested = chain.callRaw(BOB, caller, caller + echo.slice(2) + hex("er").slice(2));
    expect(answerText(nested)).toBe("er");
    const plain = chain.install(
      ALICE,
      wasmOf(
        contractText({
          call: "(call $input_read (i32.const 0) (i32.const 0) (call $input_length)) (call $return_data (i32.const 0) (call $input_length))",
        }),
      ),
    );
    expect(answerText(chain.callRaw(BOB, caller, plain + hex("own").slice(2)))).toBe("own");
  });
});

describe("a program that ends otherwise", () => {
  it("reverts with what it wrote to standard error, or to standard output, or with its exit code", () => {
    const say = (fd: number) => `(drop (call $write (i32.const ${fd}) (i32.const 64) (i32.const 4)))`;
    const rest = '(data (i32.const 64) "bad\\n")';
    const exit = "(call $proc_exit (i32.const 7))";
    expect(run(say(2) + exit, { rest })).toMatchObject({ receipt: { status: "reverted" }, text: "bad" });
    expect(run(say(1) + exit, { rest }).text).toBe("bad");
    expect(run(exit).text).toBe("exit code 7");
  });

  it("succeeds when it exits with 0 before its end, and keeps unused gas whatever it exits with", () => {
    const { receipt, text } = run(`${ECHO} (call $proc_exit (i32.const 0)) (unreachable)`, { calldata: hex("x") });
    expect([receipt.status, text]).toEqual(["success", "x"]);
    const reverted = run("(call $proc_exit (i32.const 1))", { gasLimit: 5_000_000 }).receipt;
    expect(reverted.gasUsed).toBeLessThan(200_000);
  });

  it.each([
    ["a trap", "(unreachable)", "Unreachable"],
    ["an endless loop", "(loop (br 0))", "OutOfGas"],
    [
      "asking the system until the gas is gone",
      "(loop (drop (call $clock_res_get (i32.const 0) (i32.const 0))) (br 0))",
      "OutOfGas",
    ],
    ["writing until the gas is gone", `(loop ${out(64, 100)} (br 0))`, "OutOfGas"],
    ["an answer over 128 KiB", out(64, 100_000) + out(64, 31_073), "InvalidOutput"],
    [
      "a time beyond its memory",
      "(drop (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const -4)))",
      "Unreachable",
    ],
  ])("halts for %s, at the same gas each time", (_name, start, haltReason) => {
    const { chain, address, receipt } = run(start, { rest: "", gasLimit: 2_000_000 });
    const expected = { status: "halted", haltReason, gasUsed: 2_000_000 };
    expect(receipt).toMatchObject(expected);
    expect(chain.callRaw(BOB, address, "0x", 2_000_000)).toMatchObject(expected);
  });
});

describe("the machine does not show", () => {
  const LOOK = `
    (drop (call $clock_time_get (i32.const 0) (i64.const 1) (i32.const 64)))
    (drop (call $clock_time_get (i32.const 1) (i64.const 1) (i32.const 72)))
    (drop (call $clock_res_get (i32.const 0) (i32.const 80)))
    (drop (call $environ_sizes_get (i32.const 88) (i32.const 92)))
    (drop (call $random_get (i32.const 96) (i32.const 40)))
    (drop (call $fd_readdir (i32.const 4) (i32.const 136) (i32.const 200) (i64.const 0) (i32.const 16)))
    (drop (call $fd_filestat_get (i32.const 4) (i32.const 336)))
    ${out(64, 336)}`;

  it("in time, chance, environment and files: two machines answer the same", () => {
    const answers = [0, 3].map((before) => {
      const chain = wasiChain();
      chain.timestampMs = 1_700_000_000_123;
      const address = chain.install(ALICE, program(LOOK));
      // What ran before on one of them leaves nothing.
      for (let i = 0; i < before; i++) chain.query({ sender: ALICE, to: address, calldata: toHex(Uint8Array.of(i)) });
      return { address, bytes: Buffer.from(chain.query({ sender: BOB, to: address, calldata: "0x07" }).returnData) };
    });
    const [first, second] = answers;
    expect(first!.address).toBe(second!.address);
    const { bytes } = first!;
    expect(bytes.readBigUInt64LE(0)).toBe(1_700_000_000_123_000_000n);
    expect(bytes.readBigUInt64LE(8)).toBe(bytes.readBigUInt64LE(0));
    expect([bytes.readBigUInt64LE(16), bytes.readBigUInt64LE(24)]).toEqual([1_000_000n, 0n]);
    expect(bytes.equals(second!.bytes)).toBe(true);
  });

  it("chance is another for another call", () => {
    const { chain, address } = run(`(drop (call $random_get (i32.const 64) (i32.const 40))) ${out(64, 40)}`);
    const answers = ["0x", "0x01", "0x02"].map((calldata) =>
      toHex(chain.query({ sender: BOB, to: address, calldata }).returnData),
    );
    const other = toHex(chain.query({ sender: ALICE, to: address }).returnData);
    expect(new Set([...answers, other]).size).toBe(4);
    expect(answers[0]).toBe(toHex(chain.query({ sender: BOB, to: address }).returnData));
  });

  it("and nothing waits", () => {
    const { text } = run(
      `(i32.store8 (i32.const 64) (call $poll_oneoff (i32.const 128) (i32.const 256) (i32.const 1) (i32.const 32))) ${out(64, 1)}`,
    );
    expect(text.charCodeAt(0)).toBe(58);
  });
});

describe("what a call may make the host hold is bounded", () => {
  const errno = (call: string) => {
    const { receipt } = run(`(i32.store (i32.const 64) ${call}) ${out(64, 4)}`, { rest: '(data (i32.const 48) "f")' });
    return Buffer.from(receipt.returnData).readUInt32LE(0);
  };
  const open = `(call $path_open (i32.const 4) (i32.const 0) (i32.const 48) (i32.const 1) (i32.const 1)
    (i64.const 0xfffffff) (i64.const 0xfffffff) (i32.const 0) (i32.const 16))`;

  it("in bytes written, offsets, sizes, lengths of paths and files", () => {
    const wrote = `(local $n i32) (local $error i32)
      (loop (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (local.set $error (call $write (i32.const 2) (i32.const 0) (i32.const 65536)))
        (br_if 0 (i32.eqz (local.get $error))))
      (i32.store (i32.const 64) (local.get $n)) (i32.store (i32.const 68) (local.get $error)) (call $log (i32.const 0) (i32.const 0) (i32.const 64) (i32.const 8))`;
    const { receipt } = run(wrote);
    expect(toHex(receipt.logs[0]!.data)).toBe(toHex(Uint8Array.of(65, 0, 0, 0, 51, 0, 0, 0)));
    expect(errno(open)).toBe(0);
    expect(
      errno("(call $fd_pwrite (i32.const 1) (i32.const 0) (i32.const 1) (i64.const 0x10000000) (i32.const 16))"),
    ).toBe(22);
    expect(errno("(call $fd_allocate (i32.const 5) (i64.const -1) (i64.const 1))")).toBe(22);
    expect(
      errno(`(call $path_open (i32.const 4) (i32.const 0) (i32.const 48) (i32.const 513) (i32.const 1)
      (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 16))`),
    ).toBe(37);
    const many = `(local $i i32) (local $error i32) (loop
      (i32.store8 (i32.const 48) (local.tee $i (i32.add (local.get $i) (i32.const 1))))
      (i32.store8 (i32.const 49) (i32.add (i32.const 40) (i32.shr_u (local.get $i) (i32.const 7))))
      (i32.store8 (i32.const 48) (i32.add (i32.const 60) (i32.and (local.get $i) (i32.const 31))))
      (i32.store8 (i32.const 50) (i32.add (i32.const 60) (i32.and (i32.shr_u (local.get $i) (i32.const 5)) (i32.const 3))))
      (local.set $error (call $path_open (i32.const 4) (i32.const 0) (i32.const 48) (i32.const 3) (i32.const 1)
        (i64.const 0xfffffff) (i64.const 0xfffffff) (i32.const 0) (i32.const 16)))
      (br_if 0 (i32.eqz (local.get $error))))
      (i32.store (i32.const 64) (local.get $i)) (i32.store (i32.const 68) (local.get $error)) ${out(64, 8)}`;
    const answer = Buffer.from(run(many).receipt.returnData);
    expect([answer.readUInt32LE(0), answer.readUInt32LE(4)]).toEqual([257, 41]);
  });

  it("buffers that are no memory's are an error of the call, not of the host", () => {
    expect(errno("(call $fd_write (i32.const 1) (i32.const 131070) (i32.const 9) (i32.const 16))")).toBe(21);
    expect(errno("(call $fd_read (i32.const 0) (i32.const -1) (i32.const 1) (i32.const 16))")).toBe(21);
  });
});

it("text of a program imports only what it uses", () => {
  expect(programText("")).not.toContain("polytorus");
});
