/** Hardhat's development network, which is its engine EDR, called in process. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EvmDevnet, type Transaction } from "./evm-devnet.ts";
import { fetchPackage } from "./npm-peer.ts";

/** The newest that runs on Node 20. */
const VERSION = "2.29.1";
const CONFIGURATION = `module.exports = {
  solidity: "0.8.26",
  networks: {
    hardhat: {
      blockGasLimit: 1_000_000_000,
      initialBaseFeePerGas: 0,
      gasPrice: 0,
      mining: { auto: false, interval: 0, mempool: { order: "fifo" } },
    },
  },
};
`;

interface Provider {
  send(method: string, params: readonly unknown[]): Promise<unknown>;
}

export class Hardhat extends EvmDevnet {
  readonly name = "Hardhat";
  readonly version: string;
  readonly acknowledges = "in memory, in process; blocks, receipts, logs, state root";
  readonly #provider: Provider;

  /** Fetches it into `directory`. */
  static async start(directory: string, holders: number): Promise<Hardhat> {
    const load = fetchPackage("hardhat", VERSION, directory);
    const configuration = join(directory, "hardhat.config.js");
    writeFileSync(configuration, CONFIGURATION);
    process.env["HARDHAT_CONFIG"] = configuration;
    process.env["HARDHAT_DISABLE_TELEMETRY_PROMPT"] = "true";
    const { network } = load("hardhat") as { network: { provider: Provider } };
    const manifest = readFileSync(join(directory, "node_modules/@nomicfoundation/edr/package.json"), "utf8");
    const { version } = JSON.parse(manifest) as { version: string };
    const hardhat = new Hardhat(`${VERSION} (EDR ${version})`, network.provider, holders);
    for (let account = 0; account <= hardhat.accounts.owner; account++)
      await hardhat.call("hardhat_impersonateAccount", [hardhat.accounts.text(account)]);
    await hardhat.setUp();
    return hardhat;
  }

  private constructor(version: string, provider: Provider, holders: number) {
    super(holders);
    this.version = version;
    this.#provider = provider;
  }

  protected override async call(method: string, params: readonly unknown[]): Promise<unknown> {
    return await this.#provider.send(method, params);
  }

  protected override async submit(transactions: readonly Transaction[]): Promise<string> {
    const hashes = await Promise.all(transactions.map((each) => this.call("eth_sendTransaction", [each])));
    return hashes[0] as string;
  }
}
