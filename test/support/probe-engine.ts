/**
 * Contracts that read whatever their calldata says: keys, ranges, height and time, their gas, other contracts. The first
 * byte of a step names it; steps run until one fails. What they saw is the return data.
 */
import { BodyForm } from "../../src/encoding/transaction.ts";
import type { CallInput, ContractEngine, HostContext, Outcome } from "../../src/execution/host.ts";

export type ProbeStep =
  | { step: "get"; key: number }
  | { step: "range"; from: number; to: number }
  | { step: "height" | "time" | "gas" | "revert" }
  | { step: "balance"; account: string }
  | { step: "put"; key: number; value: number }
  | { step: "call"; to: string; gas: number; steps: readonly ProbeStep[] };

export function probeCalldata(steps: readonly ProbeStep[]): string {
  return `0x${Buffer.from(JSON.stringify(steps)).toString("hex")}`;
}

export class ProbeEngine implements ContractEngine {
  readonly kind = "privacy";
  readonly types = ["probe"];
  readonly addressPrefixes = [];

  admitDeploy() {
    return { code: Buffer.from("probe"), gas: 0 };
  }
  deploy(): Outcome {
    return { status: "success", returnData: new Uint8Array(0) };
  }
  admitCall(): void {}
  describe() {
    return [];
  }

  execute(host: HostContext, _code: unknown, input: CallInput): Outcome {
    const steps = JSON.parse(Buffer.from(input.bytes.slice(input.start, input.end)).toString()) as ProbeStep[];
    const seen: unknown[] = [];
    let status: Outcome["status"] = "success";
    for (const step of steps) {
      if (step.step === "revert") status = "reverted";
      else seen.push(this.#run(host, step));
    }
    return { status, returnData: Buffer.from(JSON.stringify(seen)) };
  }

  #run(host: HostContext, step: ProbeStep): unknown {
    switch (step.step) {
      case "get":
        return host.get(Uint8Array.of(step.key))?.[0];
      case "range":
        return [...host.range(Uint8Array.of(step.from), Uint8Array.of(step.to))].map(({ key, value }) => [
          key[0],
          value[0],
        ]);
      case "height":
        return host.block.height;
      case "time":
        return host.block.timestampMs;
      case "gas":
        return host.gas.observe();
      case "balance":
        return String(host.balanceOf(Buffer.from(step.account.slice(2), "hex")));
      case "put":
        if (step.value === 0) host.delete(Uint8Array.of(step.key));
        else host.set(Uint8Array.of(step.key), Uint8Array.of(step.value));
        return undefined;
      case "call": {
        const bytes = Buffer.from(JSON.stringify(step.steps));
        const { status, returnData } = host.call({
          to: Buffer.from(step.to.slice(2), "hex"),
          input: { form: BodyForm.calldata, bytes, start: 0, end: bytes.length },
          value: 0n,
          gasLimit: step.gas,
          isStatic: true,
        });
        return [status, Buffer.from(returnData).toString("hex")];
      }
      case "revert":
        return undefined;
    }
  }
}
