/**
 * OpenZeppelin's own ERC-20 on an EVM (test/vectors/openzeppelin-erc20): what the built-in one is compared with.
 * The EVM is Ethereum's mainnet, so that chains compared with it have the id 1.
 */
import { readFileSync } from "node:fs";
import { createEVM, type EVM, type EVMResult } from "@ethereumjs/evm";
import { Account, Address } from "@ethereumjs/util";
import { encodeParameters } from "../../src/encoding/abi-codec.ts";
import { parseAbiType } from "../../src/encoding/abi-types.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import type { ReadableReceipt } from "./inline-chain.ts";

export const EVM_CHAIN_ID = 1;
/** The releases that test/vectors has: the last that takes names over 31 bytes, and the one after it. */
export const OPENZEPPELIN_VERSIONS = ["5.6.1", "5.7.0"] as const;
export type OpenZeppelinVersion = (typeof OPENZEPPELIN_VERSIONS)[number];

const GAS_LIMIT = 30_000_000n;
const ADDRESS_BYTES = 20;

interface Artifact {
  openzeppelin: string;
  contracts: Record<
    string,
    { bytecode: string; abi: readonly { type: string; inputs: readonly { type: string }[] }[] }
  >;
}

export class OpenZeppelinToken {
  readonly #evm: EVM;
  readonly #address: Address;

  private constructor(evm: EVM, address: Address) {
    this.#evm = evm;
    this.#address = address;
  }

  /** @returns the outcome without the code that a constructor returns, and the token when it succeeded. */
  static async deploy(
    version: OpenZeppelinVersion,
    contract: "PlainToken" | "FullToken",
    deployer: string,
    args: readonly unknown[],
  ): Promise<{ outcome: ReadableReceipt; token: OpenZeppelinToken | undefined; address: string }> {
    const { bytecode, abi } = readArtifact(version).contracts[contract]!;
    const types = abi.find(({ type }) => type === "constructor")!.inputs.map(({ type }) => parseAbiType(type));
    const evm = await createEVM();
    const caller = addressOf(deployer);
    // runCall does the work of a transaction's body: the nonce was used up before it.
    await evm.stateManager.putAccount(caller, new Account(1n));
    const data = Buffer.concat([fromHex(bytecode)!, encodeParameters(types, args)]);
    const result = await evm.runCall({ caller, origin: caller, data, gasLimit: GAS_LIMIT, skipNonceIncrement: true });
    const outcome = readable(result);
    const address = result.createdAddress!;
    const token = outcome.status === "success" ? new OpenZeppelinToken(evm, address) : undefined;
    return {
      outcome: { ...outcome, returnData: token ? "0x" : outcome.returnData },
      token,
      address: toHex(address.bytes),
    };
  }

  async call(sender: string, calldata: Uint8Array, timestampMs: number, value = 0n): Promise<ReadableReceipt> {
    const caller = addressOf(sender);
    const result = await this.#evm.runCall({
      caller,
      origin: caller,
      to: this.#address,
      data: calldata,
      value,
      skipBalance: true,
      gasLimit: GAS_LIMIT,
      block: {
        header: {
          number: 1n,
          coinbase: caller,
          timestamp: BigInt(Math.floor(timestampMs / 1000)),
          difficulty: 0n,
          prevRandao: new Uint8Array(32),
          gasLimit: GAS_LIMIT,
          baseFeePerGas: 0n,
          getBlobGasPrice: () => 0n,
        },
      },
    });
    return readable(result);
  }
}

function readable({ execResult }: EVMResult): ReadableReceipt {
  const { exceptionError, returnValue, logs = [] } = execResult;
  if (exceptionError !== undefined && exceptionError.error !== "revert") throw exceptionError;
  const reverted = exceptionError !== undefined;
  return {
    status: reverted ? "reverted" : "success",
    returnData: toHex(returnValue),
    logs: reverted
      ? []
      : logs.map(([address, topics, data]) => ({
          address: toHex(address),
          topics: topics.map((t) => toHex(t)),
          data: toHex(data),
        })),
  };
}

function readArtifact(version: OpenZeppelinVersion): Artifact {
  const file = new URL(`../vectors/openzeppelin-erc20/openzeppelin-${version}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")) as Artifact;
}

function addressOf(text: string): Address {
  const bytes = fromHex(text);
  if (bytes?.length !== ADDRESS_BYTES) throw new TypeError(`${text} is no address`);
  return new Address(bytes);
}
