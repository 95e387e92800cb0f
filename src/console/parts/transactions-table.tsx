/** Transactions, one line each. */
import type { TransactionLineJson } from "../../client/methods.ts";
import { compact, whole } from "../format.ts";
import { Age } from "./clock.tsx";
import {
  AccountReference,
  BlockReference,
  ContractReference,
  PlaceReference,
  TransactionReference,
} from "./reference.tsx";
import { TransactionStatus } from "./status.tsx";
import { Table } from "./table.tsx";

export function TransactionsTable({
  items,
  isShort = false,
}: {
  items: readonly TransactionLineJson[];
  /** Leaves out what a narrow panel has no room for. */
  isShort?: boolean;
}) {
  return (
    <Table
      isLive
      class={isShort ? "brief" : ""}
      items={items}
      keyOf={({ transactionHash }) => transactionHash}
      columns={[
        { head: "transaction", cell: ({ transactionHash }) => <TransactionReference hash={transactionHash} /> },
        { head: "block", class: "number", cell: ({ blockHeight }) => <BlockReference height={blockHeight} /> },
        {
          head: "what",
          cellClass: "line",
          cell: (line) => (
            <>
              {line.entrypoint ?? line.kind} <Target line={line} />
            </>
          ),
        },
        !isShort && { head: "from", class: "wide", cell: ({ sender }) => <AccountReference address={sender} /> },
        { head: "status", cell: ({ status }) => <TransactionStatus status={status} /> },
        {
          head: "gas",
          class: "number",
          title: ({ gasUsed }) => whole(gasUsed),
          cell: ({ gasUsed }) => (isShort ? compact(Number(gasUsed)) : whole(gasUsed)),
        },
        !isShort && {
          head: "of limit",
          class: "number wide",
          cellClass: "quiet",
          cell: ({ gasUsed, gasLimit }) => `${Math.round((100 * Number(gasUsed)) / Number(gasLimit))} %`,
        },
        { head: "when", class: "number wide when", cell: ({ timestampMs }) => <Age atMs={timestampMs} /> },
      ]}
    />
  );
}

function Target({ line: { contractAddress, to, kind, entrypoint } }: { line: TransactionLineJson }) {
  if (contractAddress !== null) return <ContractReference address={contractAddress} />;
  if (to === null) return null;
  return kind === "call" && entrypoint === null ? <PlaceReference address={to} /> : <ContractReference address={to} />;
}
