/** Calls between contracts: a frame each, with its own gas, rollback and view of the state, whatever engine runs it. */
import { describe, expect, it } from "vitest";
import { BlockEntry } from "../../src/encoding/block-entry.ts";
import { ByteWriter } from "../../src/encoding/bytes.ts";
import { portableHasher } from "../../src/encoding/hash.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { decodeReceipt, type Receipt } from "../../src/encoding/receipt.ts";
import {
  BodyForm,
  decodeArguments,
  encodeEntrypoint,
  encodeTransaction,
  type TransactionJson,
} from "../../src/encoding/transaction.ts";
import { BuiltinEngine } from "../../src/engines/builtin/builtin-engine.ts";
import { Executor } from "../../src/execution/executor.ts";
import type { CallInput, ContractEngine, HostContext, Outcome } from "../../src/execution/host.ts";
import { DEFAULT_PARAMETERS } from "../../src/execution/parameters.ts";
import { PortableStateTree } from "../../src/execution/state-tree.ts";
import { describeRevert } from "../../src/rpc/receipt-text.ts";
import { ALICE, BOB, bytes, deployment } from "../support/engine.ts";

const key = Buffer.from("n");

/** A step of a scripted contract; a call's script is its argument. */
type Script = readonly (
  | { write: number }
  | { log: string }
  | { revert: true }
  | { spend: true }
  | { expectOwn: number }
  | { setAdmin: string }
  | { expectAdmin: string }
  | { burn: number }
  | { dive: true }
  | { expectGasAtMost: number }
  | { call: string; script: Script; gasLimit?: number; isStatic?: boolean; value?: number; expect: string }
  | { token: string; entrypoint: string; args: unknown[]; expect: string }
)[];

/** A contract that does what the call tells it to. */
class ScriptedEngine implements ContractEngine {
  readonly kind = "wasm";
  readonly types = ["scripted"];
  readonly addressPrefixes = [];

  admitDeploy() {
    return { code: Buffer.from("scripted"), gas: 0 };
  }
  deploy(): Outcome {
    return { status: "success", returnData: new Uint8Array(0) };
  }
  admitCall(): void {}
  describe() {
    return [];
  }

  execute(host: HostContext, _code: unknown, input: CallInput): Outcome {
    const [script] = decodeArguments(input.bytes, input.start).args as [Script];
    for (const step of script) {
      if ("write" in step) host.set(key, Uint8Array.of(step.write));
      else if ("log" in step) host.log([], Buffer.from(step.log));
      else if ("revert" in step) return { status: "reverted", returnData: Buffer.from("no") };
      else if ("spend" in step) host.gas.charge(host.gas.remaining + 1);
      else if ("dive" in step) this.#dive(host);
      else if ("expectOwn" in step) expect(host.get(key)?.[0] ?? 0).toBe(step.expectOwn);
      else if ("setAdmin" in step) host.setAdmin(host.address, bytes(step.setAdmin));
      else if ("burn" in step) host.burn(BigInt(step.burn));
      else if ("expectAdmin" in step) expect(toHex(host.contractInfo(host.address)!.admin!)).toBe(step.expectAdmin);
      else if ("expectGasAtMost" in step) expect(host.gas.limit).toBeLessThanOrEqual(step.expectGasAtMost);
      else if ("token" in step) this.#call(host, step.token, step.entrypoint, step.args, step);
      else this.#call(host, step.call, "run", [step.script], step);
    }
    return { status: "success", returnData: host.get(key) ?? new Uint8Array(0) };
  }

  /** Calls itself, and so on, until a call is refused; each frame leaves a log. */
  #dive(host: HostContext): void {
    host.log([], Buffer.from("down"));
    const out = new ByteWriter();
    encodeEntrypoint("run", [[{ dive: true }]], out);
    const input = out.take();
    host.call({
      to: host.address,
      input: { form: BodyForm.entrypoint, bytes: input, start: 0, end: input.length },
      value: 0n,
      gasLimit: Math.floor(host.gas.remaining * 0.9),
      isStatic: false,
    });
  }

  #call(
    host: HostContext,
    to: string,
    entrypoint: string,
    args: unknown[],
    step: { gasLimit?: number; isStatic?: boolean; value?: number; expect: string },
  ): void {
    const out = new ByteWriter();
    encodeEntrypoint(entrypoint, args, out);
    const input = out.take();
    const before = host.gas.remaining;
    const outcome = host.call({
      to: bytes(to),
      input: { form: BodyForm.entrypoint, bytes: input, start: 0, end: input.length },
      value: BigInt(step.value ?? 0),
      gasLimit: step.gasLimit ?? 1_000_000,
      isStatic: step.isStatic ?? false,
    });
    expect(outcome.status).toBe(step.expect);
    if (step.gasLimit !== undefined) expect(before - host.gas.remaining).toBeLessThanOrEqual(step.gasLimit + 2_600);
  }
}

function start() {
  const zero = new Uint8Array(32);
  const executor = new Executor({
    snapshot: { get: () => undefined, range: () => [], appliedSeq: () => -1 },
    tree: new PortableStateTree(),
    hasher: portableHasher,
    engines: [new BuiltinEngine(), new ScriptedEngine()],
    parameters: DEFAULT_PARAMETERS,
    head: { seq: -1, height: -1, timestampMs: 0, blockHash: zero, stateRoot: zero },
    table: { pinned: true },
  });
  executor.genesis([{ address: bytes(ALICE), balance: 100n }]);
  const run = (tx: TransactionJson): Receipt => {
    const out = new ByteWriter();
    encodeTransaction(tx, out);
    const { entry, rejected } = executor.executeOne(out.take(), 1, 1);
    if (rejected.length > 0) throw new Error(JSON.stringify(rejected));
    const block = new BlockEntry(entry!);
    return decodeReceipt(block.bytes, block.receiptAt(0));
  };
  const deploy = (contract: unknown): string =>
    toHex(run({ kind: "deploy", sender: ALICE, gasLimit: 10_000_000, contract }).contractAddress!);
  const script = (to: string, steps: Script, more: Partial<TransactionJson> = {}): Receipt =>
    run({ kind: "call", sender: ALICE, gasLimit: 50_000_000, to, entrypoint: "run", args: [steps], ...more });
  return {
    executor,
    run,
    deploy,
    script,
    a: deploy({ type: "scripted", salt: "a" }),
    b: deploy({ type: "scripted", salt: "b" }),
    token: deploy(deployment().contract),
  };
}

function logs(receipt: Receipt): string[] {
  return receipt.logs.map(({ data }) => Buffer.from(data).toString());
}

describe("a call between contracts", () => {
  it("keeps the callee's writes and logs when it succeeds", () => {
    const { script, a, b } = start();
    const receipt = script(a, [
      { log: "before" },
      { call: b, script: [{ write: 7 }, { log: "inside" }], expect: "success" },
      { log: "after" },
    ]);
    expect([receipt.status, logs(receipt)]).toEqual(["success", ["before", "inside", "after"]]);
    expect(script(b, []).returnData[0]).toBe(7);
  });

  it("drops the callee's writes and logs when it reverts, and the caller goes on", () => {
    const { script, a, b } = start();
    const receipt = script(a, [
      { write: 1 },
      { call: b, script: [{ write: 7 }, { log: "inside" }, { revert: true }], expect: "reverted" },
      { log: "after" },
    ]);
    expect([receipt.status, logs(receipt)]).toEqual(["success", ["after"]]);
    expect([script(a, []).returnData[0], script(b, []).returnData.length]).toEqual([1, 0]);
  });

  it("drops everything below a frame that reverts, also what succeeded inside it", () => {
    const { script, a, b } = start();
    script(a, [
      {
        call: b,
        script: [{ call: a, script: [{ write: 9 }], expect: "success" }, { revert: true }],
        expect: "reverted",
      },
      { expectOwn: 0 },
    ]);
    expect(script(a, []).returnData.length).toBe(0);
  });

  it("spends no more than the gas given to it, and gives the rest back", () => {
    const { script, a, b } = start();
    const receipt = script(a, [
      { call: b, script: [{ spend: true }], gasLimit: 10_000, expect: "halted" },
      { call: b, script: [{ expectGasAtMost: 30_000 }], gasLimit: 30_000, expect: "success" },
    ]);
    expect(receipt.status).toBe("success");
    expect(receipt.gasUsed).toBeLessThan(100_000);
  });

  it("sees the writes of outer frames when it is re-entered, and they see its own", () => {
    const { script, a, b } = start();
    const receipt = script(a, [
      { write: 1 },
      {
        call: b,
        script: [{ call: a, script: [{ expectOwn: 1 }, { write: 2 }], expect: "success" }],
        expect: "success",
      },
      { expectOwn: 2 },
    ]);
    expect(receipt.status).toBe("success");
  });

  it("goes 64 frames deep and no deeper, and the frame that is refused goes on", () => {
    const { script, a } = start();
    const receipt = script(a, [{ dive: true }], { gasLimit: 1_000_000_000 });
    expect([receipt.status, receipt.logs.length]).toEqual(["success", 64]);
  });

  it("writes nothing in a static call, nor in anything below it", () => {
    const { script, a, b } = start();
    const receipt = script(a, [
      { call: b, script: [{ write: 7 }], isStatic: true, expect: "halted" },
      { call: b, script: [{ log: "x" }], isStatic: true, expect: "halted" },
      {
        call: b,
        script: [{ call: a, script: [{ write: 7 }], gasLimit: 50_000, expect: "halted" }],
        isStatic: true,
        expect: "success",
      },
    ]);
    expect([receipt.status, logs(receipt)]).toEqual(["success", []]);
  });

  it("moves and burns no native value in a static call, though there is some", () => {
    const { script, executor, a, b } = start();
    script(a, [{ call: b, script: [], value: 30, expect: "success" }], { value: "30" });
    const receipt = script(a, [
      { call: b, script: [{ call: a, script: [], value: 1, expect: "success" }], isStatic: true, expect: "halted" },
      { call: b, script: [{ burn: 1 }], isStatic: true, expect: "halted" },
    ]);
    expect(receipt.status).toBe("success");
    expect([executor.account(bytes(a)).balance, executor.account(bytes(b)).balance]).toEqual([0n, 30n]);
  });

  it("takes back what it changed of a contract's record, changed before in the same block or not", () => {
    const { script, run, a } = start();
    const revertedChange = {
      call: a,
      script: [{ setAdmin: BOB }, { expectAdmin: BOB }, { revert: true }],
      expect: "reverted",
    } as const;
    run({ kind: "setAdmin", sender: ALICE, gasLimit: 100_000, to: a, admin: a });
    const receipt = script(a, [
      revertedChange,
      { expectAdmin: a },
      { setAdmin: a },
      revertedChange,
      { expectAdmin: a },
    ]);
    expect(receipt.status).toBe("success");
  });

  it("is the caller for whom a token moves balances, and the sender stays the outermost", () => {
    const { script, run, a, token } = start();
    run({ kind: "call", sender: ALICE, gasLimit: 200_000, to: token, entrypoint: "transfer", args: [a, "10"] });
    const receipt = script(a, [
      { token, entrypoint: "transfer", args: [BOB, "4"], expect: "success" },
      { token, entrypoint: "transfer", args: [BOB, "7"], expect: "reverted" },
    ]);
    expect(receipt.status).toBe("success");
    expect(receipt.logs).toHaveLength(1);
    expect(toHex(receipt.logs[0]!.topics[1]!.subarray(12))).toBe(a);
  });

  it("moves native value with the call, and back when it reverts", () => {
    const { script, executor, a, b } = start();
    script(
      a,
      [
        { call: b, script: [], value: 30, expect: "success" },
        { call: b, script: [{ revert: true }], value: 5, expect: "reverted" },
        { call: b, script: [], value: 500, expect: "reverted" },
      ],
      { value: "40" },
    );
    expect([
      executor.account(bytes(a)).balance,
      executor.account(bytes(b)).balance,
      executor.account(bytes(ALICE)).balance,
    ]).toEqual([10n, 30n, 60n]);
  });

  it("reverts with ContractPaused when the callee is paused", () => {
    const { script, run, a, b } = start();
    run({ kind: "setStatus", sender: ALICE, gasLimit: 100_000, to: b, status: "paused" });
    expect(script(a, [{ call: b, script: [], expect: "reverted" }]).status).toBe("success");
    const receipt = script(b, []);
    expect(receipt.status).toBe("reverted");
    expect(describeRevert(receipt.returnData)).toMatchObject({ name: "ContractPaused", args: { contract: b } });
    run({ kind: "setStatus", sender: ALICE, gasLimit: 100_000, to: b, status: "active" });
    expect(script(b, []).status).toBe("success");
  });
});
