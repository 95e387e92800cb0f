/** One transaction: receipt, gas flame graph, call tree and state diff. The last three need its state to be retained. */
import { useEffect, useState } from "preact/hooks";
import { tokenUnitOf } from "../../client/amounts.ts";
import type { ContractWithAbiJson, LocatedTransactionJson, ReceiptJson } from "../../client/methods.ts";
import { percent, whole } from "../format.ts";
import { namedArguments } from "../model/abi.ts";
import { Flame } from "../parts/flame.tsx";
import { Facts, PageHead, Panel } from "../parts/panel.tsx";
import { AccountReference, BlockReference, HexText, PlaceReference } from "../parts/reference.tsx";
import { Empty, Shown } from "../parts/states.tsx";
import { TransactionStatus } from "../parts/status.tsx";
import { ArgumentList, JsonText, ResultValue } from "../parts/value.tsx";
import { engine } from "../rpc.ts";
import { useStore } from "../store.ts";
import { useRpc } from "../use-rpc.ts";
import { CallTree } from "./call-tree.tsx";
import { LogsTable } from "./events.tsx";
import { changesOf, DiffTable } from "./state-diff.tsx";

/** Traced without being asked: hardly anybody has to wait for so few. */
const TRACED_BLOCKS_MAX = 20;

export function TransactionView({ hash }: { hash: string }) {
  // It may not have run yet, and a rollback may take it away.
  const receipt = useRpc("tx_receipt", { transactionHash: hash }, { isLive: true });
  const located = useRpc("tx_get", receipt.data && { transactionHash: hash });
  const head = useStore(engine)?.height;
  const [isWanted, setWanted] = useState(false);
  // As of the first look: blocks that come meanwhile take nothing away.
  const [below, setBelow] = useState<number | undefined>(undefined);
  useEffect(() => {
    if (below === undefined && head !== undefined && receipt.data !== undefined)
      setBelow(head - receipt.data.blockHeight);
  }, [below, head, receipt.data]);
  const isTraced = isWanted || (below !== undefined && below <= TRACED_BLOCKS_MAX);
  const trace = useRpc("tx_trace", isTraced ? { transactionHash: hash } : undefined);
  return (
    <>
      <PageHead title="Transaction" sub={<HexText hex={hash} what="the hash" isWhole />}>
        {receipt.data !== undefined && <TransactionStatus status={receipt.data.status} />}
      </PageHead>
      <Panel title="Receipt">
        <Shown answer={receipt}>{(data) => <Receipt receipt={data} located={located.data} />}</Shown>
      </Panel>
      {receipt.data !== undefined && (
        <>
          <Panel title="Gas">
            {isTraced || below === undefined ? (
              <Shown answer={trace}>{(data) => <Flame trace={data} />}</Shown>
            ) : (
              <AskForTrace below={below} onAsk={() => setWanted(true)} />
            )}
          </Panel>
          {trace.data !== undefined && (
            <>
              <Panel title="Calls">
                <CallTree trace={trace.data} />
              </Panel>
              <Panel title="State diff" isPadded={false}>
                <DiffTable changes={changesOf(trace.data)} />
              </Panel>
            </>
          )}
          <Panel title="Logs" isPadded={false}>
            {receipt.data.logs.length === 0 ? (
              <Empty title="It logged nothing" />
            ) : (
              <LogsTable
                logs={receipt.data.logs.map((log) => ({
                  ...log,
                  blockHeight: receipt.data!.blockHeight,
                  blockHash: "",
                  transactionHash: hash,
                  transactionIndex: receipt.data!.transactionIndex,
                }))}
                isWithinTransaction
              />
            )}
          </Panel>
        </>
      )}
    </>
  );
}

/** A trace keeps the chain waiting: it takes back the blocks above its own, and puts them on again. */
function AskForTrace({ below, onAsk }: { below: number; onAsk: () => void }) {
  return (
    <Empty title="Where the gas went, what was called and what changed is found by running it again">
      <p>It stands {whole(below)} blocks below the newest; no block is made while it runs.</p>
      <button type="button" class="primary" onClick={onAsk}>
        run it again
      </button>
    </Empty>
  );
}

interface ReceiptProps {
  readonly receipt: ReceiptJson;
  readonly located: LocatedTransactionJson | undefined;
}

function Receipt({ receipt, located }: ReceiptProps) {
  const { status, to, contractAddress, gasUsed, gasLimit, revert, haltReason, result } = receipt;
  const target = contractAddress ?? to;
  const { data: contract } = useRpc("contract_get", target === null ? undefined : { address: target });
  const unit = contract && tokenUnitOf(contract.metadata);
  const transaction = located?.transaction;
  const entrypoint = transaction?.entrypoint;
  return (
    <Facts
      items={[
        ["status", statusText(receipt)],
        [
          "where",
          <span key="w">
            block <BlockReference height={receipt.blockHeight} />, transaction {receipt.transactionIndex}
          </span>,
        ],
        ["from", <AccountReference key="f" address={receipt.sender} isWhole />],
        [
          contractAddress === null ? "to" : "made",
          target === null ? undefined : <PlaceReference key="t" address={target} isWhole />,
        ],
        ["what", transaction === undefined ? undefined : <What key="c" located={located!} contract={contract} />],
        ["value", transaction?.value === undefined ? undefined : whole(String(transaction.value))],
        [
          "reverted",
          revert === undefined ? undefined : (
            <span key="r" class="bad">
              {revert.name ?? revert.message}
              {revert.name !== null && (
                <>
                  (<ArgumentList args={revert.args} unit={unit} />)
                </>
              )}
            </span>
          ),
        ],
        [
          "halted",
          haltReason === undefined ? undefined : (
            <span key="h" class="bad">
              {haltReason}
            </span>
          ),
        ],
        [
          "result",
          status === "success" && result !== undefined && result !== null ? (
            <ResultValue key="res" {...(entrypoint === undefined ? {} : { entrypoint })} value={result} unit={unit} />
          ) : undefined,
        ],
        ["gas", `${whole(gasUsed)} of ${whole(gasLimit)} (${percent(Number(gasUsed) / Number(gasLimit))})`],
        ["nonce", transaction?.nonce === undefined ? undefined : whole(transaction.nonce)],
        ["id", transaction?.id],
      ]}
    />
  );
}

function statusText({ status }: ReceiptJson): string {
  if (status === "success") return "success";
  return status === "reverted"
    ? "reverted: the contract chose to; unused gas is kept"
    : "halted: the gas limit is spent";
}

const CODE_CHARS_SHOWN = 200;

interface WhatProps {
  readonly located: LocatedTransactionJson;
  /** What it called, if that is a contract. */
  readonly contract: ContractWithAbiJson | undefined;
}

function What({ located: { transaction }, contract: called }: WhatProps) {
  const { kind, entrypoint, args = [], calldata, msg, contract } = transaction;
  if (entrypoint !== undefined)
    return (
      <span>
        <strong>{entrypoint}</strong>(
        <ArgumentList
          args={namedArguments(called?.abi ?? [], entrypoint, args)}
          unit={called && tokenUnitOf(called.metadata)}
        />
        )
      </span>
    );
  if (calldata !== undefined)
    return <HexText hex={calldata} what="the calldata" isWhole={calldata.length <= CODE_CHARS_SHOWN} />;
  if (msg !== undefined) return <JsonText value={msg} />;
  if (contract !== undefined)
    return (
      <>
        {kind} <JsonText value={withoutCode(contract)} />
      </>
    );
  return <>{kind === "call" ? "native value, and no call" : kind}</>;
}

/** A module's bytes are of no use to readers. */
function withoutCode(contract: unknown): unknown {
  const { code, ...rest } = contract as { code?: unknown };
  return typeof code === "string" ? { ...rest, code: `${(code.length - 2) / 2} bytes` } : contract;
}
