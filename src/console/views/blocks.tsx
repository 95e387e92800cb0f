/** Blocks, newest first. */
import { whole } from "../format.ts";
import { Age } from "../parts/clock.tsx";
import { Pager } from "../parts/pager.tsx";
import { PageHead, Panel } from "../parts/panel.tsx";
import { BlockReference, HexText } from "../parts/reference.tsx";
import { Shown } from "../parts/states.tsx";
import { Table } from "../parts/table.tsx";
import { usePages } from "../use-rpc.ts";

const PAGE = 25;

export function BlocksView() {
  const paged = usePages("block_list", { limit: PAGE }, { isLive: true });
  return (
    <>
      <PageHead title="Blocks" />
      <Panel title={paged.page === 0 ? "Newest" : "Older"} isPadded={false}>
        <Shown answer={paged}>
          {({ items }) => (
            <Table
              isLive
              items={items}
              keyOf={({ blockHash }) => blockHash}
              columns={[
                { head: "block", cell: ({ height }) => <BlockReference height={height} /> },
                { head: "transactions", class: "number", cell: ({ transactionCount }) => whole(transactionCount) },
                { head: "gas", class: "number", cell: ({ gasUsed }) => whole(gasUsed) },
                { head: "hash", cell: ({ blockHash }) => <HexText hex={blockHash} what="the block hash" /> },
                {
                  head: "state root",
                  class: "wide",
                  cell: ({ stateRoot }) => <HexText hex={stateRoot} what="the state root" />,
                },
                { head: "seq", class: "number wide", cellClass: "quiet", cell: ({ seq }) => seq },
                {
                  head: "when",
                  class: "number",
                  cell: ({ timestampMs }) => timestampMs > 0 && <Age atMs={timestampMs} />,
                },
              ]}
            />
          )}
        </Shown>
        <Pager paged={paged} />
      </Panel>
    </>
  );
}
