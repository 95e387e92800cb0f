/** deploy wasm */
import type { Handler } from "../context.ts";
import { codeOf, parseJson, readInput } from "../input-files.ts";
import { deploymentOf, submit, tellReceipt, withGasLimit } from "../transactions.ts";

/** What `--abi` may name instead of a file: how the module speaks to the engine, which else is known by its imports. */
const ABI_NAMES = ["polytorus", "cosmwasm", "wasi"];

export const deployWasm: Handler = async (context, args, options) => {
  const code = codeOf(args[0] as string);
  const abi = options["abi"] as string | undefined;
  const init = options["init"] as string | undefined;
  const contract = {
    type: "wasm",
    ...code,
    ...(abi === undefined ? {} : { abi: abiOf(abi) }),
    ...(init === undefined ? {} : { init: parseJson(init, "--init") }),
  };
  const transaction = deploymentOf(contract, options, context.environment);
  const priced = await withGasLimit(context, transaction, options);
  const { output } = context;
  const size = "code" in code ? `${(code.code.length - 2) / 2} bytes of code` : "code that the chain has";
  if (output.isForPeople) output.talk(`${size}; gas limit ${priced.gasLimit}`);
  const receipt = await submit(context, priced);
  tellReceipt(context, receipt);
  if (output.isForPeople && receipt.contractAddress !== null && receipt.status === "success") {
    output.talk(`\nthe contract stands at ${output.talkStyles.bold(receipt.contractAddress)}`);
    output.talk(output.talkStyles.dim(`polytorus contract show ${receipt.contractAddress}`));
  }
};

function abiOf(option: string): unknown {
  return ABI_NAMES.includes(option) ? option : parseJson(readInput(option, "--abi").toString("utf8"), "--abi");
}
