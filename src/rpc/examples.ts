/** One story that the examples of all methods tell: alice deploys a token and sends bob 25 of it. */
import type {
  BlockHeaderJson,
  BlockJson,
  ContractJson,
  ReceiptJson,
  TraceJson,
  TransactionJson,
} from "../client/methods.ts";

export const ALICE = "0x00000000000000000000000000000000000a11ce";
export const BOB = "0x0000000000000000000000000000000000000b0b";
export const TOKEN = "0x5fbdb2315678afecb367f032d93f642f64180aa3";
export const BLOCK_HASH = `0x${"b1".repeat(32)}`;
export const PARENT_HASH = `0x${"b0".repeat(32)}`;
export const STATE_ROOT = `0x${"5e".repeat(32)}`;
export const TRANSFER_HASH = `0x${"7a".repeat(32)}`;
const DEPLOY_HASH = `0x${"de".repeat(32)}`;
const TRANSFER_TOPIC = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";

/** A word that ends with these hex digits. */
export function word(digits: string): string {
  return `0x${digits.padStart(64, "0")}`;
}

export const TRANSFER: TransactionJson = {
  kind: "call",
  sender: ALICE,
  nonce: 1,
  gasLimit: "100000",
  to: TOKEN,
  entrypoint: "transfer",
  args: [BOB, "25"],
};

export const TRANSFER_RECEIPT: ReceiptJson = {
  transactionHash: TRANSFER_HASH,
  blockHeight: 2,
  transactionIndex: 0,
  sender: ALICE,
  to: TOKEN,
  contractAddress: null,
  status: "success",
  gasUsed: "51234",
  gasLimit: "100000",
  returnData: word("1"),
  result: true,
  logs: [
    {
      address: TOKEN,
      topics: [TRANSFER_TOPIC, word(ALICE.slice(2)), word(BOB.slice(2))],
      data: word("19"),
      logIndex: 0,
      event: "Transfer",
      args: { from: ALICE, to: BOB, value: "25" },
    },
  ],
};

const BALANCE_OF_ALICE = `0x62616c3a${ALICE.slice(2)}`;
const BALANCE_OF_BOB = `0x62616c3a${BOB.slice(2)}`;

export const TRANSFER_TRACE: TraceJson = {
  transactionHash: TRANSFER_HASH,
  blockHeight: 2,
  transactionIndex: 0,
  status: "success",
  gasUsed: "50656",
  gasLimit: "100000",
  intrinsicGas: { transactionBase: "21000", bodyByte: "800" },
  frames: [
    {
      parent: null,
      depth: 0,
      kind: "call",
      address: TOKEN,
      contract: { kind: "builtin", type: "erc20", codeHash: `0x${"c0".repeat(32)}` },
      caller: ALICE,
      value: "0",
      entrypoint: "transfer",
      args: { to: BOB, value: "25" },
      status: "success",
      result: true,
      returnData: word("1"),
      gasLimit: "78200",
      gasUsed: "28856",
      ownGas: "28856",
      gas: { stateRead: "4200", stateWrite: "2900", stateCreate: "20000", log: "1756" },
      steps: [
        { op: "read", key: BALANCE_OF_ALICE, value: "0x0f4240" },
        { op: "write", key: BALANCE_OF_ALICE, before: "0x0f4240", after: "0x0f4227" },
        { op: "read", key: BALANCE_OF_BOB, value: null },
        { op: "write", key: BALANCE_OF_BOB, before: null, after: "0x19" },
        {
          op: "log",
          topics: [TRANSFER_TOPIC, word(ALICE.slice(2)), word(BOB.slice(2))],
          data: word("19"),
          logIndex: 0,
          event: "Transfer",
          args: { from: ALICE, to: BOB, value: "25" },
        },
      ],
    },
  ],
  omitted: null,
};

export const BLOCK: BlockJson = {
  height: 2,
  seq: 2,
  protocolVersion: 1,
  chainId: 1337,
  parentHash: PARENT_HASH,
  blockHash: BLOCK_HASH,
  timestampMs: 1_700_000_000_000,
  stateRoot: STATE_ROOT,
  receiptsRoot: `0x${"4e".repeat(32)}`,
  transactionsRoot: `0x${"74".repeat(32)}`,
  gasUsed: "51234",
  transactionHashes: [TRANSFER_HASH],
};

const { transactionHashes, ...headerFields } = BLOCK;
export const BLOCK_HEADER: BlockHeaderJson = { ...headerFields, transactionCount: transactionHashes.length };

export const CONTRACT: ContractJson = {
  address: TOKEN,
  kind: "builtin",
  type: "erc20",
  codeHash: `0x${"c0".repeat(32)}`,
  creator: ALICE,
  admin: ALICE,
  status: "active",
  deployTransactionHash: DEPLOY_HASH,
  deployedAtHeight: 1,
  metadata: { name: "MyToken", symbol: "MTK", decimals: 18 },
};
