/** Events, newest first, of every contract or of one, with a live tail. */
import { useState } from "preact/hooks";
import { addressIn } from "../../client/addresses.ts";
import type { FoundLogJson } from "../../client/methods.ts";
import { duration, shortHex } from "../format.ts";
import { isStreaming } from "../live.ts";
import { useKnown } from "../model/names.ts";
import { Pager } from "../parts/pager.tsx";
import { PageHead, Panel } from "../parts/panel.tsx";
import { BlockReference, ContractReference, TransactionReference } from "../parts/reference.tsx";
import { Empty, Shown } from "../parts/states.tsx";
import { Table } from "../parts/table.tsx";
import { ArgumentList } from "../parts/value.tsx";
import { setQuery, usePlace, useTyped } from "../router.ts";
import { useStore } from "../store.ts";
import { useLogTail } from "../use-log-tail.ts";
import { LIVE_POLL_MS } from "../use-rpc.ts";

export function EventsView() {
  const { query } = usePlace();
  const wanted = query["address"] ?? "";
  const [text, setText] = useTyped(wanted);
  const address = addressIn(wanted);
  const isNone = wanted !== "" && address === undefined;
  return (
    <>
      <PageHead title="Events" />
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          setQuery({ address: text.trim() });
        }}
      >
        <label class="field">
          <span>of the contract</span>
          <input
            class="mono"
            size={46}
            value={text}
            placeholder="any"
            spellcheck={false}
            aria-invalid={isNone}
            onInput={(event) => setText(event.currentTarget.value)}
          />
          {isNone && <em class="bad">an address is expected: 0x and 40 hex digits</em>}
        </label>
        <button type="submit">show</button>
      </form>
      {!isNone && <EventList key={address} address={address} />}
    </>
  );
}

export function EventList({ address }: { address: string | undefined }) {
  const [isLive, setLive] = useState(true);
  const paged = useLogTail(address, isLive);
  const hasStream = useStore(isStreaming);
  return (
    <Panel
      title={paged.page === 0 ? "Newest" : "Older"}
      isPadded={false}
      end={
        <>
          {isLive && !hasStream && (
            <span class="quiet" title="there is no stream, or more events than can be followed one by one">
              every {duration(LIVE_POLL_MS)}
            </span>
          )}
          <label class="check">
            <input type="checkbox" checked={isLive} onChange={(event) => setLive(event.currentTarget.checked)} />
            live tail
          </label>
        </>
      }
    >
      <Shown answer={paged}>
        {({ items }) =>
          items.length > 0 ? <LogsTable logs={items} isOfOne={address !== undefined} /> : <Empty title="No event yet" />
        }
      </Shown>
      <Pager paged={paged} />
    </Panel>
  );
}

interface LogsTableProps {
  readonly logs: readonly FoundLogJson[];
  readonly isOfOne?: boolean;
  readonly isWithinTransaction?: boolean;
}

export function LogsTable({ logs, isOfOne = false, isWithinTransaction = false }: LogsTableProps) {
  return (
    <Table
      isLive
      items={logs}
      keyOf={({ transactionHash, logIndex }) => `${transactionHash} ${logIndex}`}
      columns={[
        !isWithinTransaction && {
          head: "block",
          class: "number",
          cell: ({ blockHeight }) => <BlockReference height={blockHeight} />,
        },
        !isOfOne && { head: "contract", cell: ({ address }) => <ContractReference address={address} /> },
        { head: "event", cellClass: "wrap", cell: (log) => <EventText log={log} /> },
        !isWithinTransaction && {
          head: "transaction",
          class: "wide",
          cell: ({ transactionHash }) => <TransactionReference hash={transactionHash} />,
        },
      ]}
    />
  );
}

function EventText({ log: { address, event, args, topics, data } }: { log: FoundLogJson }) {
  const unit = useKnown(address)?.unit;
  if (event === undefined)
    return (
      <span class="mono quiet">
        {topics.map((topic) => shortHex(topic, 10, 4)).join(" ")} {shortHex(data, 18, 8)}
      </span>
    );
  return (
    <>
      <strong>{event}</strong>(<ArgumentList args={args ?? {}} unit={unit} />)
    </>
  );
}
