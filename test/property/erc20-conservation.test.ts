/** No sequence of calls makes or loses a token but mint and burn, and what reverts leaves nothing behind. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { decodeErc20Log, erc20Functions } from "../../src/encoding/erc20-abi.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import type { Receipt } from "../../src/encoding/receipt.ts";
import { createAddress } from "../../src/execution/contract-record.ts";
import { ACCOUNTS, callSequences, NOW_MS, ZERO_ADDRESS } from "../support/erc20-arbitraries.ts";
import { InlineChain } from "../support/inline-chain.ts";

const DEPLOYER = ACCOUNTS[0]!;
const CONTRACT = toHex(createAddress(fromHex(DEPLOYER)!, 0));
const INITIAL_SUPPLY = 1000n;
const TOKEN = { type: "erc20", name: "Token", symbol: "TKN", decimals: 0, initialSupply: String(INITIAL_SUPPLY) };
const OPTIONS = { mintable: true, burnable: true, pausable: true };
const BALANCE_PREFIX = Buffer.from("bal:");

interface Holdings {
  supply: bigint;
  /** Of every account that the contract's state knows. */
  balances: bigint;
  /** The whole state of the contract. */
  entries: string[];
}

function number(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(toHex(bytes));
}

function holdingsOf(chain: InlineChain): Holdings {
  const { table, engine } = chain.executor;
  const { space } = engine.contracts.resolve(fromHex(CONTRACT)!, 0)!;
  const holdings: Holdings = { supply: 0n, balances: 0n, entries: [] };
  for (const { key, value } of table.range(space, new Uint8Array(0), undefined)) {
    const name = Buffer.from(key);
    if (name.toString("latin1") === "totalSupply") holdings.supply = number(value);
    if (name.subarray(0, BALANCE_PREFIX.length).equals(BALANCE_PREFIX)) holdings.balances += number(value);
    holdings.entries.push(`${toHex(key)} ${toHex(value)}`);
  }
  return holdings;
}

/** What a receipt's Transfer events make of the supply. */
function minted({ logs }: Receipt): bigint {
  let sum = 0n;
  for (const { topics, data } of logs) {
    const log = decodeErc20Log(topics, data);
    if (log?.event !== "Transfer") continue;
    if (log.args["from"] === ZERO_ADDRESS) sum += BigInt(log.args["value"] as string);
    if (log.args["to"] === ZERO_ADDRESS) sum -= BigInt(log.args["value"] as string);
  }
  return sum;
}

it("the balances sum up to the supply, which changes by what is logged; a revert changes nothing", () => {
  const functions = erc20Functions({ ...OPTIONS, capped: false });
  const domain = { name: TOKEN.name, chainId: 1337, verifyingContract: CONTRACT };
  const property = fc.property(callSequences(functions, domain), (sequence) => {
    const chain = new InlineChain({ timestampMs: NOW_MS });
    chain.deploy(DEPLOYER, { ...TOKEN, ...OPTIONS });
    let before = holdingsOf(chain);
    expect(before.supply).toBe(INITIAL_SUPPLY);
    for (const { sender, calldata, named } of sequence) {
      const receipt = chain.call({ sender, to: CONTRACT, ...(named ?? { calldata: toHex(calldata) }) });
      const after = holdingsOf(chain);
      expect(after.balances).toBe(after.supply);
      expect(after.supply - before.supply).toBe(minted(receipt));
      if (receipt.status !== "success") expect(after.entries).toEqual(before.entries);
      before = after;
    }
  });
  fc.assert(property, { numRuns: 60 });
});
