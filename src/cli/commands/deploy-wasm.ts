/** deploy wasm */
import { readFileSync } from "node:fs";
import type { TransactionJson } from "../../client/methods.ts";
import { toHex } from "../../encoding/hex.ts";
import { EngineError } from "../../errors.ts";
import type { Handler } from "../context.ts";
import { senderFrom, submit, tellReceipt, withGasLimit } from "../transactions.ts";

/** What `--abi` may name instead of a file: how the module speaks to the engine, which else is known by its imports. */
const ABI_NAMES = ["polytorus", "cosmwasm", "wasi"];
const MAGIC = Buffer.from([0x00, 0x61, 0x73, 0x6d]);

export const deployWasm: Handler = async (context, args, options) => {
  const path = args[0] as string;
  const code = readInput(path, "FILE");
  if (!code.subarray(0, MAGIC.length).equals(MAGIC))
    throw new EngineError("VALIDATION_ERROR", `FILE: ${path} does not begin like a WebAssembly module`, {
      path: "FILE",
      expected: "a compiled .wasm",
    });
  const abi = options["abi"] as string | undefined;
  const init = options["init"] as string | undefined;
  const transaction: TransactionJson = {
    kind: "deploy",
    sender: senderFrom(options, context.environment),
    gasLimit: "0",
    nonce: options["nonce"] as string | undefined,
    salt: options["salt"] as string | undefined,
    contract: {
      type: "wasm",
      code: toHex(code),
      ...(abi === undefined ? {} : { abi: abiOf(abi) }),
      ...(init === undefined ? {} : { init: parseJson(init, "--init") }),
    },
  };
  const priced = await withGasLimit(context, transaction, options);
  const { output } = context;
  if (output.isForPeople) output.talk(`${code.length} bytes of code; gas limit ${priced.gasLimit}`);
  const receipt = await submit(context, priced);
  tellReceipt(context, receipt);
  if (output.isForPeople && receipt.contractAddress !== null && receipt.status === "success") {
    output.talk(`\nthe contract stands at ${output.talkStyles.bold(receipt.contractAddress)}`);
    output.talk(output.talkStyles.dim(`polytorus contract abi ${receipt.contractAddress}`));
  }
};

function abiOf(option: string): unknown {
  return ABI_NAMES.includes(option) ? option : parseJson(readInput(option, "--abi").toString("utf8"), "--abi");
}

function readInput(path: string, option: string): Buffer {
  try {
    return readFileSync(path);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new EngineError("VALIDATION_ERROR", `${option}: cannot read ${path}: ${why}`, { path: option });
  }
}

function parseJson(text: string, option: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new EngineError("VALIDATION_ERROR", `${option}: expected JSON: ${why}`, {
      path: option,
      received: text.slice(0, 80),
    });
  }
}
