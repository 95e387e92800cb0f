/** contract upgrade, contract set-admin: what the contract's admin may change. */
import type { TransactionJson } from "../../client/methods.ts";
import type { Handler } from "../context.ts";
import { codeOf, parseJson, readInput } from "../input-files.ts";
import { requireAddress, senderFrom, submit, tellReceipt, withGasLimit } from "../transactions.ts";
import { tellEstimate, tellSimulation } from "../trials.ts";

export const upgrade: Handler = async (context, args, options) => {
  const abi = options["abi"] as string | undefined;
  const message = options["message"] as string | undefined;
  const transaction: TransactionJson = {
    kind: "upgrade",
    sender: senderFrom(options, context.environment),
    gasLimit: "0",
    to: requireAddress(args[0] as string, "ADDRESS"),
    nonce: options["nonce"] as string | undefined,
    contract: {
      type: "wasm",
      ...codeOf(args[1] as string),
      ...(abi === undefined ? {} : { abi: parseJson(readInput(abi, "--abi").toString("utf8"), "--abi") }),
      ...(message === undefined ? {} : { message: parseJson(message, "--message") }),
    },
  };
  const shown = { entrypoint: "upgrade" };
  if (options["estimate"] === true) return await tellEstimate(context, transaction);
  if (options["simulate"] === true) return await tellSimulation(context, transaction, options, shown);
  tellReceipt(context, await submit(context, await withGasLimit(context, transaction, options)), shown);
};

/** The word for an admin that nobody is. */
const NOBODY = "nobody";

export const setAdmin: Handler = async (context, args, options) => {
  const admin = args[1] as string;
  const transaction: TransactionJson = {
    kind: "setAdmin",
    sender: senderFrom(options, context.environment),
    gasLimit: "0",
    to: requireAddress(args[0] as string, "ADDRESS"),
    admin: admin === NOBODY ? null : requireAddress(admin, "ADMIN"),
  };
  tellReceipt(context, await submit(context, await withGasLimit(context, transaction, options)), {
    entrypoint: "set-admin",
  });
};
