/** tx trace: the tree that people read, and the profile that speedscope opens. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Type from "typebox";
import Schema from "typebox/schema";
import { describe, expect, it, onTestFinished } from "vitest";
import { speedscopeOf } from "../../src/cli/flamegraph.ts";
import type { TraceFrameJson, TraceJson } from "../../src/client/methods.ts";
import { ALICE, BOB, TOKEN, TRANSFER_HASH, TRANSFER_TRACE } from "../../src/rpc/examples.ts";
import { startFakeDaemon } from "../support/fake-daemon.ts";
import { runCli } from "../support/run-cli.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const VAULT = `0x${"aa".repeat(20)}`;
const [TRANSFER_FRAME] = TRANSFER_TRACE.frames as [TraceFrameJson];

/** A vault that moves tokens, and tries once more than it may. */
const NESTED: TraceJson = {
  ...TRANSFER_TRACE,
  gasUsed: "120000",
  gasLimit: "200000",
  intrinsicGas: { transactionBase: "21000", bodyByte: "1000" },
  frames: [
    {
      ...TRANSFER_FRAME,
      address: VAULT,
      contract: { kind: "wasm", type: "wasm", codeHash: `0x${"cc".repeat(32)}` },
      entrypoint: "withdraw",
      args: { assets: "25" },
      result: "25",
      gasUsed: "98000",
      ownGas: "20144",
      gas: { instructions: "18044", stateRead: "2100" },
      steps: [
        { op: "call", frame: 1 },
        { op: "call", frame: 2 },
      ],
      omitted: { steps: 3, frames: 1, gas: "40000", data: 0 },
    },
    { ...TRANSFER_FRAME, parent: 0, depth: 1, caller: VAULT },
    {
      ...TRANSFER_FRAME,
      parent: 0,
      depth: 1,
      caller: VAULT,
      status: "reverted",
      revert: {
        name: "ERC20InsufficientBalance",
        message: "",
        data: "0xe450d38c",
        args: { sender: VAULT, balance: "0", needed: "25" },
      },
      gasUsed: "9000",
      ownGas: "9000",
      gas: { stateRead: "9000" },
      steps: [{ op: "read", key: "0x000102", value: `0x${"ee".repeat(40)}` }],
    },
  ],
  omitted: { steps: 3, frames: 1, gas: "40000", data: 0 },
};

/** What https://www.speedscope.app/file-format-schema.json says of a file with sampled profiles. */
const SPEEDSCOPE_FILE = Schema.Compile(
  Type.Object({
    $schema: Type.Literal("https://www.speedscope.app/file-format-schema.json"),
    name: Type.Optional(Type.String()),
    activeProfileIndex: Type.Optional(Type.Number()),
    exporter: Type.Optional(Type.String()),
    shared: Type.Object({
      frames: Type.Array(
        Type.Object({
          name: Type.String(),
          file: Type.Optional(Type.String()),
          line: Type.Optional(Type.Number()),
          col: Type.Optional(Type.Number()),
        }),
      ),
    }),
    profiles: Type.Array(
      Type.Object({
        type: Type.Literal("sampled"),
        name: Type.String(),
        unit: Type.Union(
          ["bytes", "microseconds", "milliseconds", "nanoseconds", "none", "seconds"].map((unit) => Type.Literal(unit)),
        ),
        startValue: Type.Number(),
        endValue: Type.Number(),
        samples: Type.Array(Type.Array(Type.Number())),
        weights: Type.Array(Type.Number()),
      }),
    ),
  }),
);

async function run(trace: TraceJson, ...args: string[]) {
  const cwd = temporaryDirectory();
  const fake = await startFakeDaemon(join(cwd, "engine.ipc"), { tx_trace: () => trace });
  onTestFinished(() => fake.close());
  const environment = { POLYTORUS_IPC: "engine.ipc" };
  return { cwd, fake, result: await runCli(["tx", "trace", TRANSFER_HASH, ...args], { cwd, environment }) };
}

describe("tx trace", () => {
  it("shows who called whom, with gas, state, logs and errors where they happened", async () => {
    const { fake, result } = await run(NESTED);
    expect(fake.requests).toEqual([{ method: "tx_trace", params: { transactionHash: TRANSFER_HASH } }]);
    expect([result.code, result.stderr]).toEqual([0, ""]);
    expect(result.stdout.split("\n")).toEqual([
      "success  120,000 gas of 200,000  block 2, transaction 0",
      "before it runs  transactionBase 21,000, bodyByte 1,000",
      `call wasm ${VAULT} withdraw(assets 25)  98,000 gas, 20,144 its own`,
      "  gas       instructions 18,044, stateRead 2,100",
      `  call erc20 ${TOKEN} transfer(to ${BOB}, value 25)  28,856 gas`,
      "    gas       stateRead 4,200, stateWrite 2,900, stateCreate 20,000, log 1,756",
      `    read      bal:${ALICE} = 0x0f4240`,
      `    write     bal:${ALICE}  0x0f4240 → 0x0f4227`,
      `    read      bal:${BOB} = absent`,
      `    write     bal:${BOB}  absent → 0x19`,
      `    log       Transfer(from ${ALICE}, to ${BOB}, value 25)`,
      "    returns   true",
      `  call erc20 ${TOKEN} transfer(to ${BOB}, value 25)  9,000 gas`,
      "    gas       stateRead 9,000",
      `    read      0x000102 = 0x${"ee".repeat(32)}… (40 bytes)`,
      `    reverted  ERC20InsufficientBalance(sender ${VAULT}, balance 0, needed 25)`,
      "  …         1 call of 40,000 gas, 3 steps left out",
      "  returns   25",
      "the trace is cut: 1 call of 40,000 gas, 3 steps left out",
      "",
    ]);
  });

  it("answers the trace as it is with --json", async () => {
    const { result } = await run(NESTED, "--json");
    expect(result.json()).toEqual({ status: "ok", result: NESTED, error: null });
  });

  it("writes a profile that holds to speedscope's schema, and says where", async () => {
    const { cwd, result } = await run(NESTED, "--flamegraph", "gas.json", "--json");
    expect(result.stderr).toContain("wrote gas.json");
    const file = JSON.parse(readFileSync(join(cwd, "gas.json"), "utf8"));
    expect(SPEEDSCOPE_FILE.Errors(file)[1]).toEqual([]);
    expect(file).toEqual(speedscopeOf(NESTED));
  });

  it("refuses a file that cannot be written", async () => {
    const { result } = await run(NESTED, "--flamegraph", "missing/gas.json", "--json");
    expect(result.json().error).toMatchObject({ code: "VALIDATION_ERROR", details: { path: "--flamegraph" } });
  });

  it("refuses a hash that is none", async () => {
    const result = await runCli(["tx", "trace", "0x12", "--json"]);
    expect([result.code, result.json().error?.code]).toEqual([2, "VALIDATION_ERROR"]);
  });
});

describe("the profile", () => {
  it.each([
    ["of one call", TRANSFER_TRACE],
    ["of nested calls, some of them left out", NESTED],
    ["of a transaction that runs nothing", { ...TRANSFER_TRACE, gasUsed: "21800", frames: [] }],
  ])("weighs as much as the transaction used: %s", (_, trace) => {
    const { shared, profiles } = speedscopeOf(trace);
    const [profile] = profiles;
    expect(profile!.weights.reduce((sum, weight) => sum + weight, 0)).toBe(Number(trace.gasUsed));
    expect([profile!.startValue, profile!.endValue, profile!.unit]).toEqual([0, Number(trace.gasUsed), "none"]);
    expect(profile!.samples.length).toBe(profile!.weights.length);
    expect(profile!.samples.flat().every((index) => shared.frames[index] !== undefined)).toBe(true);
  });

  it("stacks each item of gas on the frames that led to it", () => {
    const { shared, profiles } = speedscopeOf(NESTED);
    const { samples, weights } = profiles[0]!;
    const stacks = samples.map(
      (stack, i) => `${stack.map((at) => shared.frames[at]!.name).join(" > ")} = ${weights[i]}`,
    );
    const transaction = `transaction ${TRANSFER_HASH}`;
    expect(stacks).toContain(`${transaction} > transactionBase = 21000`);
    expect(stacks).toContain(`${transaction} > withdraw wasm ${VAULT} > instructions = 18044`);
    expect(stacks).toContain(`${transaction} > withdraw wasm ${VAULT} > transfer erc20 ${TOKEN} > log = 1756`);
    expect(stacks).toContain(`${transaction} > withdraw wasm ${VAULT} > left out of the trace = 40000`);
  });
});
