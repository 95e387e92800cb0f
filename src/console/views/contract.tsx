/** One contract: a head, and a tab for each thing to know about it or do with it. */
import { useMemo } from "preact/hooks";
import { tokenUnitOf } from "../../client/amounts.ts";
import type { ContractWithAbiJson } from "../../client/methods.ts";
import { declarationsOf } from "../model/abi.ts";
import { useLearned } from "../model/names.ts";
import { Pager } from "../parts/pager.tsx";
import { Facts, PageHead, Panel } from "../parts/panel.tsx";
import { AccountReference, BlockReference, HexText, TransactionReference } from "../parts/reference.tsx";
import { Empty, Problem, Shown } from "../parts/states.tsx";
import { PartStatus } from "../parts/status.tsx";
import { Tabs } from "../parts/tabs.tsx";
import { TransactionsTable } from "../parts/transactions-table.tsx";
import { JsonText } from "../parts/value.tsx";
import { href } from "../router.ts";
import { usePages, useRpc } from "../use-rpc.ts";
import { ContractCalls } from "./contract-calls.tsx";
import { ContractGas } from "./contract-gas.tsx";
import { ContractHealth } from "./contract-health.tsx";
import { ContractState } from "./contract-state.tsx";
import { titleOf, typeOf } from "./contracts.tsx";
import { EventList } from "./events.tsx";

const PARTS = ["health", "call", "state", "events", "transactions", "gas", "about"] as const;
type Part = (typeof PARTS)[number];

const PAGE = 50;

export function ContractView({ address, part }: { address: string; part: string | undefined }) {
  const answer = useRpc("contract_get", { address }, { isLive: true });
  const { data: contract, error } = answer;
  useLearned(useMemo(() => (contract === undefined ? [] : [contract]), [contract]));
  if (contract === undefined) {
    return (
      <>
        <PageHead title="Contract" sub={<HexText hex={address} what="the address" isWhole />} />
        <Shown answer={answer}>{() => null}</Shown>
      </>
    );
  }
  const shown = PARTS.includes(part as Part) ? (part as Part) : "health";
  const unit = tokenUnitOf(contract.metadata);
  return (
    <>
      <PageHead title={titleOf(contract)} sub={unit?.symbol}>
        <span class="chip">{typeOf(contract)}</span>
        <PartStatus status={contract.status} />
        <HexText hex={contract.address} what="the address" isWhole />
      </PageHead>
      <Tabs
        tabs={PARTS.map((name) => [
          name,
          name === "health" ? href("contracts", address) : href("contracts", address, name),
        ])}
        current={shown}
      />
      {error !== undefined && <Problem error={error} retry={answer.reload} />}
      <PartView part={shown} contract={contract} />
    </>
  );
}

function PartView({ part, contract }: { part: Part; contract: ContractWithAbiJson }) {
  const { address } = contract;
  switch (part) {
    case "health":
      return <ContractHealth address={address} />;
    case "call":
      return <ContractCalls contract={contract} />;
    case "state":
      return <ContractState address={address} />;
    case "events":
      return <EventList address={address} />;
    case "transactions":
      return <Executions address={address} />;
    case "gas":
      return <ContractGas address={address} />;
    case "about":
      return <About contract={contract} />;
  }
}

function Executions({ address }: { address: string }) {
  const paged = usePages("tx_list", { address, limit: PAGE }, { isLive: true });
  return (
    <Panel title="Transactions that called it, made it, or in which it logged" isPadded={false}>
      <Shown answer={paged}>
        {({ items }) => (items.length > 0 ? <TransactionsTable items={items} /> : <Empty title="None yet" />)}
      </Shown>
      <Pager paged={paged} />
    </Panel>
  );
}

function About({ contract }: { contract: ContractWithAbiJson }) {
  return (
    <>
      <Panel title="Record">
        <Facts
          items={[
            ["address", <HexText key="a" hex={contract.address} what="the address" isWhole />],
            ["kind", `${contract.kind}, ${contract.type}`],
            ["code hash", <HexText key="h" hex={contract.codeHash} what="the code hash" isWhole />],
            ["creator", <AccountReference key="c" address={contract.creator} isWhole />],
            [
              "admin",
              contract.admin === null ? "nobody" : <AccountReference key="m" address={contract.admin} isWhole />,
            ],
            [
              "deployed",
              <span key="d">
                block <BlockReference height={contract.deployedAtHeight} />, transaction{" "}
                <TransactionReference hash={contract.deployTransactionHash} />
              </span>,
            ],
          ]}
        />
      </Panel>
      <Panel title="What it says of itself">
        <JsonText value={contract.metadata} />
      </Panel>
      <Panel title="ABI">
        {contract.abi.length === 0 ? (
          <Empty title="It declares none" />
        ) : (
          <>
            <pre>{declarationsOf(contract.abi).join("\n")}</pre>
            <details class="whole">
              <summary>as JSON</summary>
              <JsonText value={contract.abi} />
            </details>
          </>
        )}
      </Panel>
    </>
  );
}
