/** contract ls, show, abi, state, logs, history, pause, resume. */

import { formatAmount, grouped, tokenUnitOf } from "../../client/amounts.ts";
import type { ReceiptJson } from "../../client/methods.ts";
import type { Handler } from "../context.ts";
import { functionsOf, signatureOf } from "../contract-abi.ts";
import { hasMessages } from "../contract-message.ts";
import { moreText, readPages } from "../paging.ts";
import { fields, table } from "../table.ts";
import { requireAddress, senderFrom, submit, tellReceipt, withGasLimit } from "../transactions.ts";

const addressOf = (args: readonly unknown[]): string => requireAddress(args[0] as string, "ADDRESS");

export const list: Handler = async ({ remote, output }, _args, options) => {
  const { kind, creator, status, query } = options as Record<string, string | undefined>;
  const page = await readPages(options, (paging) =>
    remote.call("contract_list", {
      kind,
      creator,
      status: status as "active" | "paused" | undefined,
      query,
      ...paging,
    }),
  );
  output.page(page, () => {
    if (page.items.length === 0) return "no contracts; deploy one with `polytorus deploy erc20 --help`";
    const rows = page.items.map((contract) => {
      const { name, symbol } = contract.metadata;
      const label = typeof name === "string" ? `${name}${typeof symbol === "string" ? ` (${symbol})` : ""}` : "";
      return [contract.address, contract.type, label, contract.status, String(contract.deployedAtHeight)];
    });
    const columns = [
      { title: "address" },
      { title: "type" },
      { title: "name" },
      { title: "status" },
      { title: "block", align: "right" as const },
    ];
    return table(columns, rows, output.styles.dim) + moreText(page);
  });
};

export const show: Handler = async ({ remote, output }, args) => {
  const { abi, ...contract } = await remote.call("contract_get", { address: addressOf(args) });
  output.result({ ...contract, abi }, () => {
    const unit = tokenUnitOf(contract.metadata);
    const metadata = Object.entries(contract.metadata).map(([name, value]) => {
      const isSupply = unit !== undefined && (name === "initialSupply" || name === "cap") && typeof value === "string";
      return [
        name,
        isSupply ? formatAmount(value, unit) : typeof value === "string" ? value : JSON.stringify(value),
      ] as const;
    });
    return fields(
      [
        ["address", contract.address],
        ["kind", `${contract.kind} (${contract.type})`],
        ["status", contract.status === "active" ? output.styles.good("active") : output.styles.warn("paused")],
        ["creator", contract.creator],
        ["admin", contract.admin ?? "nobody"],
        ["code hash", contract.codeHash],
        ["deployed", `block ${contract.deployedAtHeight}, transaction ${contract.deployTransactionHash}`],
        ...metadata,
        ["entrypoints", String(functionsOf(abi).length)],
      ],
      output.styles.dim,
    );
  });
};

export const abi: Handler = async ({ remote, output }, args) => {
  const contract = await remote.call("contract_get", { address: addressOf(args) });
  output.result(contract.abi, () => {
    if (hasMessages(contract)) return "JSON messages, which the contract's own schema describes; it has no ABI";
    const functions = functionsOf(contract.abi);
    const part = (title: string, isView: boolean): string[] => {
      const lines = functions.filter((item) => item.isView === isView).map((item) => `  ${signatureOf(item)}`);
      return lines.length === 0 ? [] : [output.styles.dim(title), ...lines];
    };
    return [...part("query", true), ...part("call", false)].join("\n");
  });
};

export const state: Handler = async ({ remote, output }, args, options) => {
  const address = addressOf(args);
  const prefix = options["prefix"] as string | undefined;
  const page = await readPages(options, (paging) => remote.call("contract_state", { address, prefix, ...paging }));
  output.page(page, () => {
    if (page.items.length === 0) return "no state";
    const rows = page.items.map(({ key, value }) => [key, printable(key), value]);
    return (
      table([{ title: "key" }, { title: "as text" }, { title: "value" }], rows, output.styles.dim) + moreText(page)
    );
  });
};

/** The key's bytes as ASCII, a dot for what has no glyph. */
function printable(key: string): string {
  return Buffer.from(key.slice(2), "hex")
    .toString("latin1")
    .replace(/[^\x20-\x7e]/g, ".");
}

export const history: Handler = async ({ remote, output }, args, options) => {
  const address = addressOf(args);
  const page = await readPages(options, (paging) => remote.call("contract_executions", { address, ...paging }));
  output.page(page, () => {
    if (page.items.length === 0) return "no executions";
    const columns = [
      { title: "block", align: "right" as const },
      { title: "#", align: "right" as const },
      { title: "status" },
      { title: "gas", align: "right" as const },
      { title: "sender" },
      { title: "transaction" },
    ];
    return table(columns, page.items.map(executionRow), output.styles.dim) + moreText(page);
  });
};

function executionRow(receipt: ReceiptJson): string[] {
  const status = receipt.revert?.name ?? receipt.haltReason ?? receipt.status;
  return [
    String(receipt.blockHeight),
    String(receipt.transactionIndex),
    status,
    grouped(receipt.gasUsed),
    receipt.sender,
    receipt.transactionHash,
  ];
}

const setStatus =
  (status: "active" | "paused"): Handler =>
  async (context, args, options) => {
    const sender = senderFrom(options, context.environment);
    const transaction = { kind: "setStatus" as const, sender, gasLimit: "0", to: addressOf(args), status };
    tellReceipt(context, await submit(context, await withGasLimit(context, transaction, options)), {
      entrypoint: status === "paused" ? "pause" : "resume",
    });
  };

export const pause = setStatus("paused");
export const resume = setStatus("active");
