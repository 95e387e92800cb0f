/** tx receipt, tx get, block show, account show: what the chain holds, read only. */
import { grouped } from "../../client/amounts.ts";
import type { BlockJson } from "../../client/methods.ts";
import { EngineError } from "../../errors.ts";
import type { Handler } from "../context.ts";
import { receiptView } from "../receipt-view.ts";
import { fields } from "../table.ts";
import { requireAddress, senderFrom } from "../transactions.ts";

/** Shown of a block before the rest is counted. */
const HASHES_SHOWN = 10;

export const receipt: Handler = async ({ remote, output }, args) => {
  const found = await remote.call("tx_receipt", { transactionHash: requireHash(args[0] as string) });
  output.result(found, () => receiptView(found, { styles: output.styles }));
};

export const transaction: Handler = async ({ remote, output }, args) => {
  const found = await remote.call("tx_get", { transactionHash: requireHash(args[0] as string) });
  output.result(found, () => {
    const { transaction: tx } = found;
    const call =
      tx.entrypoint === undefined
        ? tx.calldata
        : `${tx.entrypoint}(${(tx.args ?? []).map((arg) => (typeof arg === "string" ? arg : JSON.stringify(arg))).join(", ")})`;
    return fields(
      [
        ["hash", found.transactionHash],
        ["block", `${found.blockHeight}, transaction ${found.transactionIndex}`],
        ["kind", tx.kind],
        ["from", `${tx.sender}, nonce ${tx.nonce ?? ""}`],
        ["to", tx.to],
        ["gas limit", grouped(tx.gasLimit)],
        ["value", tx.value === undefined ? undefined : String(tx.value)],
        ["call", call],
        ["contract", tx.contract === undefined ? undefined : JSON.stringify(tx.contract, null, 2)],
        ["id", tx.id],
      ],
      output.styles.dim,
    );
  });
};

export const block: Handler = async ({ remote, output }, args) => {
  const reference = (args[0] as string | undefined) ?? "latest";
  const found = await remote.call("block_get", blockReference(reference));
  output.result(found, () => blockView(found, output.styles.dim));
};

function blockReference(text: string): { height: number | "latest" } | { blockHash: string } {
  if (text === "latest") return { height: "latest" };
  if (/^\d{1,15}$/.test(text)) return { height: Number(text) };
  if (/^0x[0-9a-f]{64}$/i.test(text)) return { blockHash: text };
  throw new EngineError(
    "VALIDATION_ERROR",
    `BLOCK: expected a height, a block hash or latest, received ${JSON.stringify(text)}`,
    { path: "BLOCK" },
  );
}

function blockView(found: BlockJson, dim: (text: string) => string): string {
  const hashes = found.transactionHashes;
  const shown = hashes.slice(0, HASHES_SHOWN).join("\n");
  return fields(
    [
      [
        "height",
        `${found.height} (seq ${found.seq}, protocol version ${found.protocolVersion}, chain ${found.chainId})`,
      ],
      ["hash", found.blockHash],
      ["parent", found.parentHash],
      ["time", new Date(found.timestampMs).toISOString()],
      ["state root", found.stateRoot],
      ["receipts root", found.receiptsRoot],
      ["gas used", grouped(found.gasUsed)],
      [
        "transactions",
        `${hashes.length}${hashes.length === 0 ? "" : `\n${shown}`}${hashes.length > HASHES_SHOWN ? `\n… ${hashes.length - HASHES_SHOWN} more with --json` : ""}`,
      ],
    ],
    dim,
  );
}

export const account: Handler = async ({ remote, output, environment }, args) => {
  const address = args[0] === undefined ? senderFrom({}, environment) : requireAddress(args[0] as string, "ADDRESS");
  const found = await remote.call("account_get", { address });
  output.result(found, () =>
    fields(
      [
        ["address", found.address],
        ["bech32", found.bech32],
        ["nonce", String(found.nonce)],
        ["balance", grouped(found.balance)],
      ],
      output.styles.dim,
    ),
  );
};

export function requireHash(text: string): string {
  if (/^0x[0-9a-f]{64}$/i.test(text)) return text;
  throw new EngineError("VALIDATION_ERROR", `HASH: expected 0x and 64 hex digits, received ${JSON.stringify(text)}`, {
    path: "HASH",
  });
}
