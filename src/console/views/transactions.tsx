/** All transactions, newest first. */
import { useState } from "preact/hooks";
import { Pager } from "../parts/pager.tsx";
import { PageHead, Panel } from "../parts/panel.tsx";
import { Empty, Shown } from "../parts/states.tsx";
import { TransactionsTable } from "../parts/transactions-table.tsx";
import { usePages } from "../use-rpc.ts";

const PAGE = 50;

export function TransactionsView() {
  const [isLive, setLive] = useState(true);
  const paged = usePages("tx_list", { limit: PAGE }, { isLive });
  return (
    <>
      <PageHead title="Transactions">
        <label class="check">
          <input type="checkbox" checked={isLive} onChange={(event) => setLive(event.currentTarget.checked)} />
          live
        </label>
      </PageHead>
      <Panel title={paged.page === 0 ? "Newest" : "Older"} isPadded={false}>
        <Shown answer={paged}>
          {({ items }) =>
            items.length > 0 ? <TransactionsTable items={items} /> : <Empty title="No transaction yet" />
          }
        </Shown>
        <Pager paged={paged} />
      </Panel>
    </>
  );
}
