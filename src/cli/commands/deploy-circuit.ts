/** deploy circuit: a manifest and the files of its circuits; deploy confidential-erc20. Both under a key that was uploaded. */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { EngineError } from "../../errors.ts";
import type { CommandContext, Handler, Options } from "../context.ts";
import { deploymentOf, requireAddress, submit, tellReceipt, withGasLimit } from "../transactions.ts";
import { requireHash } from "./privacy-keys.ts";

export const deployCircuit: Handler = async (context, args, options) => {
  const path = resolve(context.cwd, args[0] as string);
  await deployPrivate(context, options, { type: "privacy", manifest: readManifest(path) });
};

export const deployConfidentialErc20: Handler = async (context, _args, options) => {
  const { name, symbol } = options;
  const decimals = Number(options["decimals"]);
  await deployPrivate(context, options, { type: "confidential-erc20", name, symbol, decimals });
};

async function deployPrivate(
  context: CommandContext,
  options: Options,
  contract: Record<string, unknown>,
): Promise<void> {
  const keyId = requireHash(options["key"] as string, "--key");
  const owner = options["owner"] as string | undefined;
  const { parameterSet } = await context.remote.call("privacy_key", { keyId });
  const described = {
    ...contract,
    keyId,
    parameterSet,
    ...(owner === undefined ? {} : { owner: requireAddress(owner, "--owner") }),
  };
  const transaction = deploymentOf(described, options, context.environment);
  const receipt = await submit(context, await withGasLimit(context, transaction, options));
  tellReceipt(context, receipt);
  const { output } = context;
  if (output.isForPeople && receipt.contractAddress !== null && receipt.status === "success")
    output.talk(
      `\nthe contract stands at ${output.talkStyles.bold(receipt.contractAddress)}, its values under ${parameterSet}`,
    );
}

/** The manifest with the text of every circuit that it names by `file`, relative to it. */
function readManifest(path: string): Record<string, unknown> {
  const manifest = parse(read(path, "MANIFEST"), path);
  const circuits = manifest["circuits"];
  if (typeof circuits !== "object" || circuits === null) return manifest;
  const embedded = Object.entries(circuits as Record<string, Record<string, unknown>>).map(([name, circuit]) => {
    if (typeof circuit?.["file"] !== "string") return [name, circuit];
    const { file, ...rest } = circuit;
    return [name, { ...rest, bristol: read(resolve(dirname(path), file as string), `circuits.${name}.file`) }];
  });
  return { ...manifest, circuits: Object.fromEntries(embedded) };
}

function read(path: string, option: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new EngineError("VALIDATION_ERROR", `${option}: cannot read ${path}: ${why}`, { path: option });
  }
}

function parse(text: string, path: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new EngineError("VALIDATION_ERROR", `MANIFEST: ${path} is not JSON: ${why}`, { path: "MANIFEST" });
  }
}
