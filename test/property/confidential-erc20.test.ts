/** The confidential token against a plain model: any calls by anyone, and every balance is what the model says. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inputHandle } from "../../src/encoding/encrypted-handle.ts";
import { getEncryptedType } from "../../src/encoding/encrypted-type.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import type { Receipt } from "../../src/encoding/receipt.ts";
import { TOKEN_ERRORS, TOKEN_EVENTS } from "../../src/engines/privacy/confidential-erc20/token-ledger.ts";
import { Permission } from "../../src/engines/privacy/handle-record.ts";
import { jobIdOf } from "../../src/engines/privacy/jobs/job.ts";
import { PrivacyContractEngine } from "../../src/engines/privacy/privacy-engine.ts";
import { InlineChain } from "../support/inline-chain.ts";
import { KEY_ID } from "../support/privacy-manifests.ts";
import { SymbolicOracle } from "../support/symbolic-oracle.ts";

const OWNER = `0x${"0e".repeat(20)}`;
const ACCOUNTS = ["a1", "b0", "ca"].map((byte) => `0x${byte.repeat(20)}`);
const GAS = 100_000_000_000;
const MAX = (1n << 64n) - 1n;
const u64 = getEncryptedType("euint64")!;
const bytes = (text: string) => fromHex(text)!;

class Token {
  readonly chain = new InlineChain({ engines: [new PrivacyContractEngine()] });
  readonly oracle = new SymbolicOracle(this.chain.executor.table);
  readonly address: string;
  #serial = 0;

  constructor() {
    const contract = {
      type: "confidential-erc20",
      name: "Sealed",
      symbol: "SLD",
      keyId: KEY_ID,
      parameterSet: "plain",
    };
    const { status, contractAddress } = this.chain.send({ kind: "deploy", sender: OWNER, gasLimit: GAS, contract });
    expect(status).toBe("success");
    this.address = toHex(contractAddress!);
  }

  /** A ciphertext of `value`, as if `owner` had sent it. */
  encrypted(value: bigint): string {
    const seed = new Uint8Array(32);
    new DataView(seed.buffer).setUint32(0, ++this.#serial);
    const handle = inputHandle(seed, u64);
    this.oracle.input(handle, value);
    return toHex(handle);
  }

  call(sender: string, entrypoint: string, args: unknown[]): Receipt {
    return this.chain.send({ kind: "call", sender, to: this.address, entrypoint, args, gasLimit: GAS });
  }

  view(entrypoint: string, args: unknown[] = []): Uint8Array {
    const call = { sender: OWNER, to: this.address, entrypoint, args, gasLimit: GAS };
    return this.chain.query(call).returnData.slice();
  }

  balance(account: string): bigint {
    return this.#number(this.view("confidentialBalanceOf", [account]));
  }

  total(): bigint {
    return this.#number(this.view("confidentialTotalSupply"));
  }

  #number(handle: Uint8Array): bigint {
    return handle.every((byte) => byte === 0) ? 0n : this.oracle.value(handle);
  }
}

type Step =
  | { kind: "mint" | "openMint"; to: number; amount: bigint }
  | { kind: "burn"; by: number; amount: bigint }
  | { kind: "transfer"; by: number; to: number; amount: bigint }
  | { kind: "transferFrom"; by: number; from: number; to: number; amount: bigint }
  | { kind: "setOperator"; by: number; operator: number; until: bigint };

const account = fc.nat(ACCOUNTS.length - 1);
const amount = fc.oneof(fc.bigInt(0n, 100n), fc.constantFrom(0n, 1n, MAX, MAX - 1n, 1n << 63n));
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom("mint", "openMint"), to: account, amount }),
  fc.record({ kind: fc.constant("burn" as const), by: account, amount }),
  fc.record({ kind: fc.constant("transfer" as const), by: account, to: account, amount }),
  fc.record({ kind: fc.constant("transferFrom" as const), by: account, from: account, to: account, amount }),
  fc.record({
    kind: fc.constant("setOperator" as const),
    by: account,
    operator: account,
    until: fc.constantFrom(0n, 99n),
  }),
);

/** The plain model: the same rules, on numbers. */
class Model {
  readonly balances = ACCOUNTS.map(() => 0n);
  total = 0n;
  readonly until = new Map<string, bigint>();

  /** @returns what moves, or undefined when the call reverts. */
  apply(step: Step): bigint | undefined {
    switch (step.kind) {
      case "mint":
      case "openMint": {
        const moved = this.total + step.amount > MAX ? 0n : step.amount;
        this.total += moved;
        this.balances[step.to]! += moved;
        return moved;
      }
      case "burn": {
        const moved = this.#covered(step.by, step.amount);
        this.total -= moved;
        this.balances[step.by]! -= moved;
        return moved;
      }
      case "setOperator":
        this.until.set(`${step.by} ${step.operator}`, step.until);
        return 0n;
      case "transferFrom":
        if (step.from !== step.by && (this.until.get(`${step.from} ${step.by}`) ?? -1n) < NOW_SECONDS) return undefined;
        return this.#move(step.from, step.to, step.amount);
      default:
        return this.#move(step.by, step.to, step.amount);
    }
  }

  #covered(from: number, amount: bigint): bigint {
    return this.balances[from]! < amount ? 0n : amount;
  }

  #move(from: number, to: number, amount: bigint): bigint {
    const moved = this.#covered(from, amount);
    this.balances[from]! -= moved;
    this.balances[to]! += moved;
    return moved;
  }
}

const NOW_SECONDS = 50n;

function run(token: Token, step: Step): Receipt {
  const of = (index: number) => ACCOUNTS[index]!;
  switch (step.kind) {
    case "mint":
      return token.call(OWNER, "confidentialMint", [of(step.to), token.encrypted(step.amount)]);
    case "openMint":
      return token.call(OWNER, "mint", [of(step.to), String(step.amount)]);
    case "burn":
      return token.call(of(step.by), "confidentialBurn", [token.encrypted(step.amount)]);
    case "transfer":
      return token.call(of(step.by), "confidentialTransfer", [of(step.to), token.encrypted(step.amount)]);
    case "setOperator":
      return token.call(of(step.by), "setOperator", [of(step.operator), String(step.until)]);
    default:
      return token.call(of(step.by), "confidentialTransferFrom", [
        of(step.from),
        of(step.to),
        token.encrypted(step.amount),
      ]);
  }
}

describe("the confidential token", () => {
  it("holds what a plain token would, whatever is called by whom", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const token = new Token();
        token.chain.timestampMs = Number(NOW_SECONDS) * 1000;
        const model = new Model();
        for (const one of steps) {
          const moved = model.apply(one);
          const receipt = run(token, one);
          expect(receipt.status).toBe(moved === undefined ? "reverted" : "success");
          if (moved !== undefined && one.kind !== "setOperator")
            expect(token.oracle.value(receipt.returnData)).toBe(moved);
        }
        expect(ACCOUNTS.map((one) => token.balance(one))).toEqual(model.balances);
        expect(token.total()).toBe(model.total);
      }),
      { numRuns: 40 },
    );
  });

  it("moves zero when funds are one short, and the receipt looks the same as if they were enough", () => {
    const token = new Token();
    token.call(OWNER, "mint", [ACCOUNTS[0], "100"]);
    const short = token.call(ACCOUNTS[0]!, "confidentialTransfer", [ACCOUNTS[1], token.encrypted(101n)]);
    expect([token.oracle.value(short.returnData), token.balance(ACCOUNTS[0]!)]).toEqual([0n, 100n]);
    const enough = token.call(ACCOUNTS[0]!, "confidentialTransfer", [ACCOUNTS[1], token.encrypted(100n)]);
    expect([token.oracle.value(enough.returnData), token.balance(ACCOUNTS[0]!)]).toEqual([100n, 0n]);
    const seen = ({ status, logs, returnData }: Receipt) => [
      status,
      logs.length,
      logs[0]!.topics.length,
      returnData.length,
    ];
    expect(seen(short)).toEqual(seen(enough));
  });

  it("lets both sides of a transfer read the amount, each its own balance, and nobody else anything", () => {
    const token = new Token();
    const [alice, bob, carol] = ACCOUNTS as [string, string, string];
    token.call(OWNER, "mint", [alice, "100"]);
    const moved = token.call(alice, "confidentialTransfer", [bob, token.encrypted(5n)]).returnData.slice();
    const may = (handle: Uint8Array, who: string) =>
      (token.oracle.permissions(handle, bytes(who)) & Permission.decrypt) !== 0;
    expect([alice, bob, carol, OWNER].map((who) => may(moved, who))).toEqual([true, true, false, false]);
    const balance = token.view("confidentialBalanceOf", [alice]);
    expect([alice, bob, carol, OWNER].map((who) => may(balance, who))).toEqual([true, false, false, false]);
    expect(may(token.view("confidentialTotalSupply"), OWNER)).toBe(true);
  });

  it("orders one evaluation a transfer, whose three results are found from any of them", () => {
    const token = new Token();
    token.call(OWNER, "mint", [ACCOUNTS[0], "9"]);
    const moved = token.call(ACCOUNTS[0]!, "confidentialTransfer", [ACCOUNTS[1], token.encrypted(4n)]).returnData;
    const balances = [0, 1].map((index) => token.view("confidentialBalanceOf", [ACCOUNTS[index]]));
    const ids = [...balances, moved].map((handle, output) => jobIdOf(handle, output));
    expect(new Set(ids).size).toBe(1);
  });

  it("logs who deals with whom, and handles in the place of amounts", () => {
    const token = new Token();
    const receipt = token.call(OWNER, "mint", [ACCOUNTS[0], "7"]);
    const [log] = receipt.logs;
    expect(log!.topics.map((topic) => toHex(topic))).toEqual([
      toHex(TOKEN_EVENTS.ConfidentialTransfer.topic),
      `0x${"00".repeat(32)}`,
      `0x${"00".repeat(12)}${ACCOUNTS[0]!.slice(2)}`,
      toHex(receipt.returnData),
    ]);
  });

  it("lets nobody but an operator move another's funds, and only until its time", () => {
    const token = new Token();
    token.chain.timestampMs = 50_000;
    const [alice, bob] = ACCOUNTS as [string, string];
    token.call(OWNER, "mint", [alice, "10"]);
    const take = () => token.call(bob, "confidentialTransferFrom", [alice, bob, token.encrypted(1n)]);
    const refused = take();
    expect([refused.status, toHex(refused.returnData.subarray(0, 4))]).toEqual([
      "reverted",
      toHex(TOKEN_ERRORS.ERC7984UnauthorizedSpender.selector),
    ]);
    token.call(alice, "setOperator", [bob, "50"]);
    expect(take().status).toBe("success");
    token.chain.timestampMs = 50_001;
    expect(take().status).toBe("reverted");
  });

  it("tells name, symbol and decimals, and the owner's statement of the total on request", () => {
    const token = new Token();
    expect(Buffer.from(token.view("name")).toString("latin1")).toContain("Sealed");
    expect(token.view("decimals").at(-1)).toBe(6);
    token.call(OWNER, "mint", [ACCOUNTS[0], "42"]);
    const asked = token.call(ACCOUNTS[1]!, "requestDiscloseTotalSupply", []);
    const total = toHex(asked.returnData);
    expect(token.call(ACCOUNTS[1]!, "discloseEncryptedAmount", [total, "42"]).status).toBe("reverted");
    const told = token.call(OWNER, "discloseEncryptedAmount", [total, "42"]);
    expect(BigInt(toHex(told.logs[0]!.data))).toBe(42n);
  });
});
