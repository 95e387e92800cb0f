/**
 * CallTreeEngine: contracts that do what each call tells them to, so that a property test can try any shape of execution:
 * state read, written and iterated, logs, native value, calls into calls, and every way to end.
 */
import fc from "fast-check";
import { ByteWriter, fromLatin1 } from "../../src/encoding/bytes.ts";
import { fromHex } from "../../src/encoding/hex.ts";
import { BodyForm, decodeArguments, encodeEntrypoint } from "../../src/encoding/transaction.ts";
import { Halt } from "../../src/execution/gas.ts";
import type { CallInput, ContractEngine, HostContext, Outcome } from "../../src/execution/host.ts";

export type TreeStep =
  | { do: "read" | "write" | "delete"; key: string }
  | { do: "range" }
  | { do: "balance"; of: string }
  | { do: "log"; topics: number }
  | { do: "work"; gas: number }
  | { do: "untold"; gas: number }
  | { do: "call"; to: string; steps: readonly TreeStep[]; sharePercent: number; isStatic: boolean; value: number }
  | { do: "token"; to: string; entrypoint: string; args: readonly string[] }
  | { do: "revert" }
  | { do: "halt" };

const TEXT = "a step may say what it writes";

export class CallTreeEngine implements ContractEngine {
  readonly kind = "privacy";
  readonly types = ["tree"];
  readonly addressPrefixes = [];

  admitDeploy() {
    return { code: Buffer.from("tree"), gas: 17 };
  }
  admitCall(): void {}
  describe() {
    return [];
  }
  deploy(host: HostContext, _code: Uint8Array, contract: Record<string, unknown>): Outcome {
    return this.#run(host, (contract["steps"] ?? []) as TreeStep[]);
  }
  execute(host: HostContext, _code: unknown, input: CallInput): Outcome {
    const [steps] = decodeArguments(input.bytes, input.start).args as [TreeStep[]];
    return this.#run(host, steps);
  }

  #run(host: HostContext, steps: readonly TreeStep[]): Outcome {
    for (const [index, step] of steps.entries()) {
      if (step.do === "revert") return { status: "reverted", returnData: Buffer.from(`no ${index}`) };
      this.#step(host, step, index);
    }
    return { status: "success", returnData: Buffer.from(String(steps.length)) };
  }

  #step(host: HostContext, step: Exclude<TreeStep, { do: "revert" }>, index: number): void {
    switch (step.do) {
      case "read":
        host.get(fromLatin1(step.key));
        break;
      case "write":
        host.set(fromLatin1(step.key), Buffer.from(TEXT.slice(0, 2 + (index % 5))));
        break;
      case "delete":
        host.delete(fromLatin1(step.key));
        break;
      case "range":
        for (const { key } of host.range(new Uint8Array(0), undefined)) if (key.length > 9) break;
        break;
      case "balance":
        host.balanceOf(fromHex(step.of)!);
        break;
      case "log":
        host.log(
          Array.from({ length: step.topics }, (_, i) => new Uint8Array(32).fill(i + 1)),
          Buffer.from(TEXT.slice(0, index)),
        );
        break;
      case "work":
        host.charge("work", step.gas);
        break;
      case "untold":
        host.gas.charge(step.gas);
        break;
      case "call":
        this.#call(host, step.to, "run", [step.steps], step);
        break;
      case "token":
        this.#call(host, step.to, step.entrypoint, step.args, { sharePercent: 90, isStatic: false, value: 0 });
        break;
      case "halt":
        throw new Halt("Unreachable");
    }
  }

  #call(
    host: HostContext,
    to: string,
    entrypoint: string,
    args: readonly unknown[],
    { sharePercent, isStatic, value }: { sharePercent: number; isStatic: boolean; value: number },
  ): void {
    const out = new ByteWriter();
    encodeEntrypoint(entrypoint, args, out);
    const input = out.take();
    host.call({
      to: fromHex(to)!,
      input: { form: BodyForm.entrypoint, bytes: input, start: 0, end: input.length },
      value: BigInt(value),
      gasLimit: Math.floor((host.gas.remaining * sharePercent) / 100),
      isStatic,
    });
  }
}

/** Steps of contracts that may call one another, a token, and accounts at which none stands. */
export function treeSteps(world: { trees: readonly string[]; token: string; accounts: readonly string[] }) {
  const key = fc.constantFrom("a", "bb", "a key that is longer than a row has room for");
  const account = fc.constantFrom(...world.accounts);
  const amount = fc.constantFrom("0", "1", "40", "1000000");
  const token = fc.oneof(
    fc.tuple(fc.constantFrom("transfer", "approve"), fc.tuple(account, amount)),
    fc.tuple(fc.constant("balanceOf"), fc.tuple(account)),
    fc.tuple(fc.constant("totalSupply"), fc.tuple()),
  );
  const plain: fc.Arbitrary<TreeStep>[] = [
    fc.record({ do: fc.constantFrom("read", "write", "write", "delete"), key }),
    fc.record({ do: fc.constant("range" as const) }),
    fc.record({ do: fc.constant("balance" as const), of: account }),
    fc.record({ do: fc.constant("log" as const), topics: fc.nat({ max: 4 }) }),
    fc.record({ do: fc.constantFrom("work", "untold"), gas: fc.constantFrom(0, 7, 30_000) }),
    token.map(([entrypoint, args]): TreeStep => ({ do: "token", to: world.token, entrypoint, args })),
  ];
  const ends = fc.record({ do: fc.constantFrom("revert" as const, "halt" as const) });
  return fc.letrec<{ steps: readonly TreeStep[] }>((tie) => ({
    steps: fc.array(
      fc.oneof(
        { maxDepth: 4, depthIdentifier: "calls" },
        { weight: 12, arbitrary: fc.oneof(...plain) },
        { weight: 1, arbitrary: ends },
        {
          weight: 6,
          arbitrary: fc.record({
            do: fc.constant("call" as const),
            to: fc.constantFrom(...world.trees, ...world.trees, ...world.accounts),
            steps: tie("steps"),
            sharePercent: fc.constantFrom(0, 1, 50, 100),
            isStatic: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
            value: fc.constantFrom(0, 0, 0, 1, 5_000),
          }),
        },
      ),
      { maxLength: 6 },
    ),
  })).steps;
}
