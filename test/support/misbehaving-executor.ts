/** An executor thread with contracts that no real engine would run: they spin, fault, or end their thread. */

import { decodeArguments } from "../../src/encoding/transaction.ts";
import type { CallInput, ContractEngine, HostContext, Outcome } from "../../src/execution/host.ts";
import { runExecutor } from "../../src/threads/executor.ts";

const SUCCESS: Outcome = { status: "success", returnData: new Uint8Array(0) };

class MisbehavingEngine implements ContractEngine {
  readonly kind = "privacy";
  readonly types = ["misbehaving"];
  readonly addressPrefixes = [];

  admitDeploy() {
    return { code: Buffer.from("misbehaving"), gas: 0 };
  }
  deploy(): Outcome {
    return SUCCESS;
  }
  admitCall(): void {}
  describe() {
    return [];
  }

  execute(host: HostContext, _code: unknown, input: CallInput): Outcome {
    const { entrypoint } = decodeArguments(input.bytes, input.start);
    if (!host.isStatic) host.set(Buffer.from(entrypoint), Uint8Array.of(1));
    switch (entrypoint) {
      case "spin":
        for (;;);
      case "fault":
        throw new TypeError("a bug of the engine");
      case "exit":
        process.exit(3);
    }
    return SUCCESS;
  }
}

runExecutor([new MisbehavingEngine()]);
