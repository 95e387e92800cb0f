/**
 * The built-in ERC-20 beside OpenZeppelin's on an EVM: random deployments and sequences of calls, many of which fail,
 * must give the same status, return data, revert data and logs, and leave the same balances, allowances and supply.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeCall } from "../../src/encoding/abi.ts";
import { type Erc20FunctionName, erc20Functions, getErc20FunctionByName } from "../../src/encoding/erc20-abi.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import { createAddress } from "../../src/execution/contract-record.ts";
import {
  ACCOUNTS,
  allViews,
  callSequences,
  NOW_MS,
  type Step,
  UINT256_MAX,
  ZERO_ADDRESS,
} from "../support/erc20-arbitraries.ts";
import { InlineChain, readableReceipt } from "../support/inline-chain.ts";
import {
  EVM_CHAIN_ID,
  OPENZEPPELIN_VERSIONS,
  OpenZeppelinToken,
  type OpenZeppelinVersion,
} from "../support/openzeppelin-evm.ts";

const DEPLOYER = ACCOUNTS[0]!;
/** Both sides derive it from the deployer and its nonce. */
const CONTRACT = toHex(createAddress(fromHex(DEPLOYER)!, 0));

interface Deployment {
  name: string;
  symbol: string;
  decimals: number;
  initialSupply: string;
  owner: string;
  cap?: string;
}

const PLAIN: Deployment = { name: "Plain", symbol: "PLN", decimals: 6, initialSupply: "1000", owner: DEPLOYER };
/** The cap is near the supply, so that minting meets it. */
const CAPPED: Deployment = { ...PLAIN, name: "Full Ünicode €", symbol: "FÜL", decimals: 18, cap: "1200" };
/** The supply can reach 2^256-1, so that minting meets that. */
const UNBOUNDED: Deployment = { ...CAPPED, cap: String(UINT256_MAX) };

async function deployBoth(version: OpenZeppelinVersion, deployment: Deployment) {
  const { name, symbol, decimals, initialSupply, owner, cap } = deployment;
  const chain = new InlineChain({ chainId: EVM_CHAIN_ID, timestampMs: NOW_MS, balances: { [DEPLOYER]: 1000n } });
  const options = cap === undefined ? {} : { mintable: true, burnable: true, pausable: true };
  const ours = readableReceipt(chain.deploy(DEPLOYER, { type: "erc20", ...deployment, ...options }));
  const args = [name, symbol, decimals, initialSupply, owner, ...(cap === undefined ? [] : [cap])];
  const contract = cap === undefined ? "PlainToken" : "FullToken";
  const { outcome: theirs, token } = await OpenZeppelinToken.deploy(version, contract, DEPLOYER, args);
  const run = async ({ sender, calldata, named }: Step) => {
    const receipt = chain.call({ sender, to: CONTRACT, ...(named ?? { calldata: toHex(calldata) }) });
    expect(readableReceipt(receipt)).toEqual(await token!.call(sender, calldata, NOW_MS));
  };
  return { chain, ours, theirs, token, run };
}

function functionsOf({ cap }: Deployment) {
  const hasOptions = cap !== undefined;
  return erc20Functions({ mintable: hasOptions, burnable: hasOptions, pausable: hasOptions, capped: hasOptions });
}

describe.each(OPENZEPPELIN_VERSIONS)("beside OpenZeppelin %s", (version) => {
  it.each([
    ["without options", PLAIN],
    ["with every option and a cap near the supply", CAPPED],
    ["with every option and no room for the supply to overflow", UNBOUNDED],
  ])("a token %s answers every sequence of calls with the same bytes", async (_, deployment) => {
    const functions = functionsOf(deployment);
    const sequences = callSequences(functions, {
      name: deployment.name,
      chainId: EVM_CHAIN_ID,
      verifyingContract: CONTRACT,
    });
    const property = fc.asyncProperty(sequences, async (sequence) => {
      const { ours, theirs, run } = await deployBoth(version, deployment);
      expect(ours).toEqual(theirs);
      for (const step of [...sequence, ...allViews(functions)]) await run(step);
    });
    await fc.assert(property, { numRuns: 25 });
  });

  it("a deployment succeeds or reverts with the same logs and errors", async () => {
    const amounts = fc.constantFrom("0", "1", "1000", String(UINT256_MAX)).map(String);
    // 5.7 takes names of at most 31 bytes, which is below what this engine and the releases before it take.
    const name = fc
      .string({ unit: "grapheme", maxLength: 60 })
      .filter((text) => Buffer.byteLength(text) <= (version === "5.7.0" ? 31 : 256));
    const deployments = fc.record(
      {
        name,
        symbol: name,
        decimals: fc.integer({ min: 0, max: 255 }),
        initialSupply: amounts,
        owner: fc.constantFrom(DEPLOYER, ACCOUNTS[1]!, ZERO_ADDRESS),
        cap: amounts,
      },
      { requiredKeys: ["name", "symbol", "decimals", "initialSupply", "owner"] },
    );
    const property = fc.asyncProperty(deployments, async (deployment) => {
      const { ours, theirs, token, run } = await deployBoth(version, deployment);
      expect(ours).toEqual(theirs);
      if (token !== undefined) for (const view of allViews(functionsOf(deployment))) await run(view);
    });
    await fc.assert(property, { numRuns: 50 });
  });

  it("native value sent to any entrypoint reverts without data", async () => {
    const { chain, token } = await deployBoth(version, CAPPED);
    const args: Partial<Record<Erc20FunctionName, unknown[]>> = {
      transfer: [ACCOUNTS[1], "1"],
      balanceOf: [DEPLOYER],
      pause: [],
    };
    for (const [name, values] of Object.entries(args)) {
      const calldata = encodeCall(getErc20FunctionByName(name)!, values);
      const receipt = chain.call({ sender: DEPLOYER, to: CONTRACT, calldata: toHex(calldata), value: "1" });
      expect(readableReceipt(receipt)).toEqual({ status: "reverted", returnData: "0x", logs: [] });
      expect(await token!.call(DEPLOYER, calldata, NOW_MS, 1n)).toEqual(readableReceipt(receipt));
    }
  });
});
