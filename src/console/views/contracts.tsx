/** Contracts, by kind and status and by part of their name or symbol. */
import { useEffect } from "preact/hooks";
import type { ContractJson } from "../../client/methods.ts";
import { shortHex } from "../format.ts";
import { useLearned } from "../model/names.ts";
import { Pager } from "../parts/pager.tsx";
import { PageHead, Panel } from "../parts/panel.tsx";
import { AccountReference, BlockReference, ContractReference } from "../parts/reference.tsx";
import { Empty, Shown } from "../parts/states.tsx";
import { PartStatus } from "../parts/status.tsx";
import { Table } from "../parts/table.tsx";
import { setQuery, usePlace, useTyped } from "../router.ts";
import { usePages } from "../use-rpc.ts";

const PAGE = 50;
const TYPING_MS = 200;

export function ContractsView() {
  const { query } = usePlace();
  const paged = usePages(
    "contract_list",
    {
      limit: PAGE,
      ...(query["query"] === undefined ? {} : { query: query["query"] }),
      ...(query["kind"] === undefined ? {} : { kind: query["kind"] }),
      ...(query["status"] === undefined ? {} : { status: query["status"] as "active" | "paused" }),
    },
    { isLive: true },
  );
  const isFiltered = query["query"] !== undefined || query["kind"] !== undefined || query["status"] !== undefined;
  return (
    <>
      <PageHead title="Contracts" />
      <Filters />
      <Panel title={isFiltered ? "Those that match" : "All"} isPadded={false}>
        <Shown answer={paged}>
          {({ items }) =>
            items.length > 0 ? <ContractsTable items={items} /> : <NoContracts isFiltered={isFiltered} />
          }
        </Shown>
        <Pager paged={paged} first="first" />
      </Panel>
    </>
  );
}

function NoContracts({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered) return <Empty title="No contract matches" />;
  return (
    <Empty title="No contract yet">
      <p>Deploy a token, and it is here:</p>
      <pre>polytorus deploy erc20 --name MyToken --symbol MTK --decimals 18 --supply 1000000</pre>
    </Empty>
  );
}

function Filters() {
  const { query } = usePlace();
  const [text, setText] = useTyped(query["query"] ?? "");
  useEffect(() => {
    const timer = setTimeout(() => {
      if (text !== (query["query"] ?? "")) setQuery({ query: text });
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <div class="filters">
      <label class="field">
        <span>part of name or symbol</span>
        <input type="search" value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <Choice name="kind" choices={["builtin", "wasm", "privacy"]} value={query["kind"]} />
      <Choice name="status" choices={["active", "paused"]} value={query["status"]} />
    </div>
  );
}

function Choice({ name, choices, value }: { name: string; choices: readonly string[]; value: string | undefined }) {
  return (
    <label class="field">
      <span>{name}</span>
      <select value={value ?? ""} onChange={(event) => setQuery({ [name]: event.currentTarget.value })}>
        <option value="">any</option>
        {choices.map((choice) => (
          <option key={choice} value={choice}>
            {choice}
          </option>
        ))}
      </select>
    </label>
  );
}

export function ContractsTable({ items }: { items: readonly ContractJson[] }) {
  useLearned(items);
  return (
    <Table
      items={items}
      keyOf={({ address }) => address}
      columns={[
        { head: "contract", cell: ({ address }) => <ContractReference address={address} /> },
        { head: "name", cellClass: "wrap", cell: nameOf },
        {
          head: "type",
          cell: (contract) => {
            const type = typeOf(contract);
            const { kind } = contract;
            return (
              <>
                {type}
                {kind !== "builtin" && kind !== type && <span class="quiet"> {kind}</span>}
              </>
            );
          },
        },
        { head: "status", cell: ({ status }) => <PartStatus status={status} /> },
        { head: "creator", class: "wide", cell: ({ creator }) => <AccountReference address={creator} /> },
        {
          head: "block",
          class: "number",
          cell: ({ deployedAtHeight }) => <BlockReference height={deployedAtHeight} />,
        },
      ]}
    />
  );
}

/** What the contract calls itself. */
function nameOf({ metadata }: Pick<ContractJson, "metadata">): string {
  const { name } = metadata;
  return typeof name === "string" ? name : "";
}

/** The same, or what tells it apart from others that are nameless. */
export function titleOf(contract: ContractJson): string {
  return nameOf(contract) || `${typeOf(contract)} ${shortHex(contract.address)}`;
}

/** What kind of program it is: of a module with an interface of its own (cosmwasm, wasi) that says more than wasm. */
export function typeOf({ type, metadata }: Pick<ContractJson, "type" | "metadata">): string {
  const own = metadata["interface"];
  return typeof own === "string" && own !== "polytorus" ? own : type;
}
