/** One block: its header, and its transactions in their order. */
import { dateTime, whole } from "../format.ts";
import { Pager } from "../parts/pager.tsx";
import { Facts, PageHead, Panel } from "../parts/panel.tsx";
import { BlockReference, HexText } from "../parts/reference.tsx";
import { Empty, Shown } from "../parts/states.tsx";
import { TransactionsTable } from "../parts/transactions-table.tsx";
import { href } from "../router.ts";
import { engine } from "../rpc.ts";
import { useStore } from "../store.ts";
import { usePages, useRpc } from "../use-rpc.ts";

const PAGE = 50;

export function BlockView({ height: text }: { height: string }) {
  const height = Number(text);
  const isHeight = /^\d{1,15}$/.test(text);
  const block = useRpc("block_get", isHeight ? { height } : undefined);
  const paged = usePages("tx_list", isHeight ? { blockHeight: height, limit: PAGE } : undefined);
  const head = useStore(engine)?.height;
  if (!isHeight)
    return (
      <>
        <PageHead title="Block" />
        <Empty title="A block's number is a whole number" />
      </>
    );
  return (
    <>
      <PageHead title={`Block ${whole(height)}`}>
        {height > 0 && <a href={href("blocks", height - 1)}>← older</a>}
        {head !== undefined && height < head && <a href={href("blocks", height + 1)}>newer →</a>}
      </PageHead>
      <Panel title="Header">
        <Shown answer={block}>
          {(header) => (
            <Facts
              items={[
                ["hash", <HexText key="h" hex={header.blockHash} what="the block hash" isWhole />],
                [
                  "parent",
                  height === 0 ? (
                    <HexText key="p" hex={header.parentHash} what="the parent's hash" />
                  ) : (
                    <span key="p">
                      <BlockReference height={height - 1} />{" "}
                      <HexText hex={header.parentHash} what="the parent's hash" />
                    </span>
                  ),
                ],
                ["time", header.timestampMs > 0 ? dateTime(header.timestampMs) : "genesis"],
                ["transactions", whole(header.transactionHashes.length)],
                ["gas used", whole(header.gasUsed)],
                ["state root", <HexText key="s" hex={header.stateRoot} what="the state root" isWhole />],
                ["receipts root", <HexText key="r" hex={header.receiptsRoot} what="the receipts root" isWhole />],
                [
                  "transactions root",
                  <HexText key="t" hex={header.transactionsRoot} what="the transactions root" isWhole />,
                ],
                ["seq, version", `${header.seq}, protocol ${header.protocolVersion}`],
              ]}
            />
          )}
        </Shown>
      </Panel>
      <Panel title="Transactions" isPadded={false}>
        <Shown answer={paged}>
          {({ items }) =>
            items.length > 0 ? <TransactionsTable items={items} /> : <Empty title="This block has no transactions" />
          }
        </Shown>
        <Pager paged={paged} first="first" />
      </Panel>
    </>
  );
}
